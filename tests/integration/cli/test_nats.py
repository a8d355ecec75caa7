"""The embedded NATS keeps what it acknowledged, to itself and to the loopback."""

import json
import os
import socket
import urllib.request
from pathlib import Path

import nats
import psutil
import pytest

from cli import ports
from cli.embedded.nats import EmbeddedNats
from cli.errors import ChildDiedError, PlatformError


async def publish(server: EmbeddedNats, body: bytes) -> None:
    connection = await nats.connect(server.url)
    await connection.jetstream().add_stream(name="FACTS", subjects=["facts.>"])
    await connection.jetstream().publish("facts.one", body)
    await connection.close()


async def last_body(server: EmbeddedNats) -> bytes | None:
    connection = await nats.connect(server.url)
    message = await connection.jetstream().get_last_msg("FACTS", "facts.one")
    await connection.close()
    return message.data


async def test_messages_are_found_again(tmp_path: Path) -> None:
    with EmbeddedNats(tmp_path / "nats") as server:
        await publish(server, b"kept")
    with EmbeddedNats(tmp_path / "nats") as server:
        assert await last_body(server) == b"kept"


async def test_an_acknowledged_message_outlives_the_server(tmp_path: Path) -> None:
    with EmbeddedNats(tmp_path / "nats") as server:
        await publish(server, b"kept")
        server.process.kill()
        server.start()
        assert await last_body(server) == b"kept"


def test_each_message_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    with EmbeddedNats(tmp_path / "nats") as server, urllib.request.urlopen(f"{server.monitor_url}/jsz") as answer:  # noqa: S310
        config = json.load(answer)["config"]
    assert config["sync_always"] is True
    assert Path(config["store_dir"]).is_relative_to(tmp_path / "nats")


def test_it_listens_on_the_loopback_only() -> None:
    with EmbeddedNats() as server:
        assert server.process.pid is not None
        listening = psutil.Process(server.process.pid).net_connections("inet")
        assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}
        assert os.getsid(server.process.pid) == server.process.pid


def test_a_folder_in_use_is_a_sentence(tmp_path: Path) -> None:
    with (
        EmbeddedNats(tmp_path / "nats"),
        pytest.raises(PlatformError, match=f"in use by process {os.getpid()}"),
        EmbeddedNats(tmp_path / "nats"),
    ):
        pass


def test_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    with (
        socket.create_server((ports.LOOPBACK, 0)) as other,
        pytest.raises(ChildDiedError, match=r"NATS did not start(.|\n)*address already in use"),
        EmbeddedNats(tmp_path / "nats", other.getsockname()[1]),
    ):
        pass


def test_a_port_taken_since_it_was_chosen_is_exchanged(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path / "nats")
    with socket.create_server((ports.LOOPBACK, server.port)) as other, server:
        assert server.port != other.getsockname()[1]
