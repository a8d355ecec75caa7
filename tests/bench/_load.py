"""Load on a gRPC method: by h2load where it is installed, else by our own generator, which takes more of the processor."""

import asyncio
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

# Enough that the server never waits for a call, and few enough that it is not the queue that is measured.
CONNECTIONS = 4
STREAMS = 16


def generator() -> str:
    """Which one it is, for the note of a figure."""
    return "h2load" if shutil.which("h2load") else "our own generator, because h2load is not installed"


@dataclass(frozen=True, slots=True)
class Target:
    """A method under load.

    Attributes:
        messages: The requests, sent in turn; h2load sends the first only.
        answer: How many bytes an answer has, about.
    """

    address: str
    method: str
    messages: Sequence[bytes]
    answer: int
    process: psutil.Process


@dataclass(frozen=True, slots=True)
class Load:
    """What was found.

    Attributes:
        rate: Calls a second.
        cpu: Microseconds of the server's processor time a call.
        p50: The median of the latencies in microseconds.
        p99: Their 99th percentile.
    """

    rate: float
    cpu: float
    p50: float
    p99: float


async def load(target: Target, *, seconds: float, rate: float = 0, streams: int = STREAMS) -> Load:
    """Calls the method for some seconds, as fast as answers come, or at a rate."""
    if not shutil.which("h2load"):
        return await load_mixed(target, seconds=seconds, rate=rate, streams=streams)
    return await _measured(target, asyncio.to_thread(_h2load, target, seconds, rate, streams))


async def load_mixed(target: Target, *, seconds: float, rate: float = 0, streams: int = STREAMS) -> Load:
    """The same with all its messages in turn, by our own generator."""
    return await _measured(target, _own(target, seconds, rate, streams))


async def _measured(target: Target, run: Coroutine[None, None, dict[str, float]]) -> Load:
    before = target.process.cpu_times()
    found = await run
    after = target.process.cpu_times()
    used = after.user + after.system - before.user - before.system
    assert found["calls"], "nothing was answered"
    return Load(found["rate"], used / found["calls"] * 1e6, found["p50"], found["p99"])


def _h2load(target: Target, seconds: float, rate: float, streams: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        body, log = Path(folder, "body"), Path(folder, "log")
        body.write_bytes(b"\0" + struct.pack(">I", len(target.messages[0])) + target.messages[0])
        arguments = [
            f"-D{seconds:g}",
            f"-c{CONNECTIONS}",
            f"-m{streams}",
            "-w28",
            "-W28",
            f"-d{body}",
            f"--log-file={log}",
        ]
        if rate:
            arguments.append(f"--rps={rate / CONNECTIONS:g}")
        command = ["h2load", *arguments, "-Hcontent-type: application/grpc", "-Hte: trailers"]
        address = f"http://{target.address}{target.method}"
        output = subprocess.run([*command, address], capture_output=True, text=True, check=True).stdout
        times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", output)
    data = re.search(r"\((\d+)\) data", output)
    assert counts is not None and data is not None, output  # noqa: PT018 - both or nothing.
    calls = int(counts[1])
    # A refusal is an answer without a message: only the size of the answers tells.
    assert not int(counts[2]) and int(data[1]) >= 0.9 * calls * target.answer, output  # noqa: PT018 - the same.
    return {
        "calls": calls,
        "rate": calls / seconds,
        "p50": float(times[len(times) // 2]),
        "p99": float(times[len(times) * 99 // 100]),
    }


async def _own(target: Target, seconds: float, rate: float, streams: int) -> dict[str, float]:
    arguments = (target.address, target.method, str(seconds), str(CONNECTIONS), str(streams), str(rate))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench._h2_load", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate("\n".join(message.hex() for message in target.messages).encode())
    found: dict[str, float] = json.loads(output)
    assert not found["failed"], "every call must be answered, or the figure means nothing"
    return found
