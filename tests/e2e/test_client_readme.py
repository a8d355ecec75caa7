"""Every block of the client library's README runs, in its order, and prints what stands there."""

import asyncio
import re
import sys
from pathlib import Path

from cli.local_platform import Platform
from tests.e2e.test_readme import PORTS

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
# Where a block names no address, the library's own are those of `tollkeeper up`.
_CLIENTS = re.compile(r"\b(Async)?Tollkeeper\([^)]*\)")


def _here(code: str, platform: Platform) -> str:
    addresses = ", ".join(f"{service}={platform.addresses[service]!r}" for service in PORTS)
    return _CLIENTS.sub(lambda made: f"{made[1] or ''}Tollkeeper({addresses})", code)


async def test_every_block_prints_what_the_readme_shows(
    platform: Platform, airlines_catalog: None, project_root: Path
) -> None:
    readme = (project_root / "libs" / "client" / "README.md").read_text(encoding="utf-8")
    blocks = _BLOCK.findall(readme)
    assert [kind for kind, _ in blocks] == ["python", ""] * (len(blocks) // 2)
    for (_, code), (_, printed) in zip(blocks[::2], blocks[1::2], strict=True):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-c", _here(code, platform)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        assert output.decode() == printed, code
        assert process.returncode == 0
