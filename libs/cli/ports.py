"""Ports on the loopback: which are free, and who sits on the others."""

import itertools
import os
import socket
from collections.abc import Iterator

import psutil

LOOPBACK = "127.0.0.1"

# Below the ports that kernels give to outgoing connections (Linux from 32768, macOS from 49152): while one of our
# servers is being restarted, no client's own connection can sit down on its port.
_FIRST, _LAST = 20_000, 29_984

# A block for each process, so that two test workers that look at the same moment do not choose the same port.
_BLOCK = 64


def _block() -> Iterator[int]:
    blocks = (_LAST - _FIRST) // _BLOCK
    start = _FIRST + os.getpid() % blocks * _BLOCK
    return itertools.cycle(range(start, start + _BLOCK))


_candidates = _block()


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do; without it the remains of closed connections count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port free now; each call gives another one, so that ports chosen together differ."""
    for port in itertools.chain(itertools.islice(_candidates, _BLOCK), range(_FIRST, _LAST)):
        if is_free(port):
            return port
    raise OSError(f"no port between {_FIRST} and {_LAST} is free")


def owner_of(port: int) -> str:
    """Who listens there, as far as we are allowed to see: `process 123 (python3)`, or `another process`."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and connection.pid and connection.laddr and connection.laddr.port == port:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass
    return "another process"
