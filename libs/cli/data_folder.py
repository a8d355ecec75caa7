"""The folder of a server's or the whole platform's data, and its one owner."""

import fcntl
import os
import tempfile
from pathlib import Path

from cli.errors import PlatformError


class FolderLock:
    """Held from `acquire` to `release`, and let go by the kernel however the owner dies.

    Two NATS servers on one store both start, and both write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None

    def acquire(self) -> None:
        """Makes the folder if it is missing; a lock already held here is kept.

        Raises:
            PlatformError: Somebody else holds it, and the sentence names the process; or what was held is deleted.
        """
        if self._file is not None:
            self._check_still_there(self._file)
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise PlatformError(
                f"{self._folder} cannot be written: {error.strerror}. Use another data folder, or its owner's account."
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Empty for the instant between the owner's lock and the writing of its name.
            owner = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise PlatformError(
                f"{self._folder} is in use by process {owner}. Stop that one first, or use another data folder."
            ) from None
        os.truncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def _check_still_there(self, file: int) -> None:
        try:
            there = os.path.samestat(os.fstat(file), (self._folder / "lock").stat())
        except FileNotFoundError:
            there = False
        if not there:
            raise PlatformError(
                f"{self._folder} was deleted while it was in use. Start again to begin with an empty one."
            )

    def release(self) -> None:
        """Lets go; harmless when nothing is held. The file stays: deleting it would let two owners hold two files."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def temporary_folder() -> Path:
    """A new folder that the account of PostgreSQL can reach when we are root."""
    folder = Path(tempfile.mkdtemp(prefix="tollkeeper-"))
    folder.chmod(0o755)
    return folder
