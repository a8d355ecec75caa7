"""A process that uses gRPC starts PostgreSQL without forking itself: a forked copy of gRPC's threads would crash."""

import asyncio
import os
import signal
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2_grpc

from cli.child_process import Account, ChildProcess

# Forked, a third of these died.
CHILDREN = 40


async def test_children_of_a_grpc_process_do_not_crash(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root gives a child another account")
    account = Account("myself", os.getuid(), os.getgid())
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    def start_children() -> list[int | None]:
        codes = []
        for number in range(CHILDREN):
            child = ChildProcess(
                "true", record=tmp_path / f"{number}.json", log=tmp_path / "log", stop_signal=signal.SIGTERM, grace=5
            )
            child.spawn(["true"], dict(os.environ), account=account)
            codes.append(child.wait(30))
        return codes

    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
        children = asyncio.create_task(asyncio.to_thread(start_children))
        while not children.done():
            await asyncio.gather(*(check(b"") for _ in range(20)))
        codes = await children
    await server.stop(0)
    assert codes == [0] * CHILDREN
