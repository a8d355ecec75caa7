"""The README's first lines do what the README says they do."""

import asyncio
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from cli.local_platform import Platform

# Where the README's platform listens.
PORTS = {
    "catalog": "127.0.0.1:7401",
    "metering": "127.0.0.1:7402",
    "entitlements": "127.0.0.1:7403",
    "billing": "127.0.0.1:7404",
}


def _blocks(readme: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w*)\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)


def _here(text: str, addresses: Mapping[str, str]) -> str:
    for service, address in PORTS.items():
        text = text.replace(address, addresses[service])
    return text.replace(".venv/bin/", f"{Path(sys.executable).parent}/")


async def _run(*command: str, root: Path, environment: Mapping[str, str] | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=root, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_the_first_ten_lines_print_what_the_readme_shows(platform: Platform, project_root: Path) -> None:
    blocks = _blocks((project_root / "README.md").read_text(encoding="utf-8"))
    start = next(number for number, (kind, text) in enumerate(blocks) if kind == "sh" and "tollkeeper apply" in text)
    (_, apply), (_, python), (_, printed), (_, curl), (_, answer) = blocks[start : start + 5]
    command = shlex.split(apply.splitlines()[1], comments=True)
    await _run(
        *shlex.split(_here(" ".join([*command, "--catalog", PORTS["catalog"], "--yes"]), platform.addresses)),
        root=project_root,
    )

    assert await _run(sys.executable, "-c", _here(python, platform.addresses), root=project_root) == printed

    shown = [line for line in answer.splitlines() if "…" not in line]
    output = await _run(*shlex.split(_here(curl.replace("\\\n", ""), platform.addresses)), root=project_root)
    assert output.splitlines()[: len(shown)] == shown
