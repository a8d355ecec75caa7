"""Generates the Python stubs from ``protos/``: run by ``make gen`` and by the wheel's build."""

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
PROTOS = HERE.parent.parent / "protos"


def generate() -> None:
    """Writes ``tollkeeper/<context>/v1`` beside this file, replacing what an earlier run left there."""
    import grpc_tools

    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    for stale in (HERE / "tollkeeper").rglob("*_pb2*"):
        stale.unlink()
    scripts = sysconfig.get_path("scripts")
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    command = [
        *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={PROTOS}", f"--proto_path={well_known}"),
        *(f"--python_out={HERE}", f"--grpc_python_out={HERE}"),
        f"--plugin=protoc-gen-mypy={scripts}/protoc-gen-mypy",
        f"--plugin=protoc-gen-mypy_grpc={scripts}/protoc-gen-mypy_grpc",
        *(f"--mypy_out=readable_stubs,quiet:{HERE}", f"--mypy_grpc_out=only_async,quiet:{HERE}"),
    ]
    subprocess.run([*command, *sources], check=True)
    for context in (HERE / "tollkeeper").iterdir():
        (context / "py.typed").touch()


class CustomBuildHook(BuildHookInterface[Any]):
    """Lets a wheel be built from a checkout that never ran ``make gen``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature.
        if PROTOS.is_dir():
            generate()


if __name__ == "__main__":
    generate()
