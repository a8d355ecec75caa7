"""The built wheels, installed into an environment of their own, import every module. Run by ``make check``.

An editable install hides what a wheel lacks; users get the wheel.
"""

import subprocess
import sys
import sysconfig
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Alembic runs a migration's env.py and revisions by path, within its own context.
NOT_IMPORTED = ("migrations/",)
CHECK = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]; print(len(sys.argv) - 1, 'modules import')"


def main() -> int:
    """Builds, installs and imports; the exit status of the first step that fails."""
    with tempfile.TemporaryDirectory() as folder:
        wheels = [_build(source, Path(folder)) for source in (ROOT / "libs" / "stubs", ROOT / "libs" / "client", ROOT)]
        environment = Path(folder) / "venv"
        venv.create(environment, with_pip=True, symlinks=True)
        python = environment / "bin" / "python"
        # The dependencies are the ones that the lock already installed here.
        site = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--ignore-installed", *map(str, wheels)]
        subprocess.run([str(python), "-m", "pip", "install", *options], check=True, cwd=folder)
        modules = sorted(name for wheel in wheels for name in _modules(wheel))
        return subprocess.run([str(python), "-c", CHECK, *modules], check=False, cwd=folder).returncode


def _build(source: Path, folder: Path) -> Path:
    options = ["--wheel", "--no-isolation", "--outdir", str(folder / source.name), str(source)]
    subprocess.run([sys.executable, "-m", "build", *options], check=True, stdout=subprocess.DEVNULL)
    return next((folder / source.name).glob("*.whl"))


def _modules(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".py")]
    return [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in names
        if not name.endswith("__main__.py") and not any(part in name for part in NOT_IMPORTED)
    ]


if __name__ == "__main__":
    sys.exit(main())
