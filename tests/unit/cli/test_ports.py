"""Ports that are free, and the owner of one that is not."""

import os
import socket
from collections.abc import Iterator

import pytest

from cli import ports


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((ports.LOOPBACK, 0)) as server:
        yield server


def test_ports_chosen_together_differ() -> None:
    chosen = [ports.free_port() for _ in range(20)]
    assert len(set(chosen)) == 20


def test_no_port_is_one_that_the_kernel_gives_to_clients() -> None:
    assert all(ports.free_port() < 32_768 for _ in range(100))


def test_a_port_with_a_listener_is_not_free(listener: socket.socket) -> None:
    assert not ports.is_free(listener.getsockname()[1])


def test_a_taken_port_is_passed_over() -> None:
    first = ports.free_port()
    with socket.create_server((ports.LOOPBACK, first + 1)):
        assert ports.free_port() not in {first, first + 1}


def test_the_owner_of_a_port_is_named(listener: socket.socket) -> None:
    assert str(os.getpid()) in ports.owner_of(listener.getsockname()[1])
    assert ports.owner_of(ports.free_port()) == "another process"
