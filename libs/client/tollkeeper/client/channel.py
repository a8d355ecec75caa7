"""Channels to the services: where they are, how they are kept alive, and what a lost one costs."""

import ipaddress
import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import grpc

from tollkeeper.client.life import on_fork

Stub = TypeVar("Stub")

# One "host:port", or several of them.
Address = str | Sequence[str]

# The services' greatest answer to a list, and room.
_MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
# A batch of 5,000 bad events names each of them.
MAX_ERROR_BYTES: Final = 1_000_000

OPTIONS: Final[tuple[tuple[str, str | int], ...]] = (
    ("grpc.service_config", json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", MAX_ERROR_BYTES * 2),
    ("grpc.absolute_max_metadata_size", MAX_ERROR_BYTES * 2),
    # A dead connection is found within 25 seconds; the services allow a ping every 10.
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A restarted service is found again at once, not after the default's growing minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # What a fork's child inherits of a connection is not shared with it.
    ("grpc.use_local_subchannel_pool", 1),
)


def target_of(address: Address) -> str:
    """The gRPC target of one address, or of several that take turns.

    One name may stand for many replicas in DNS; several addresses must be IP addresses, because gRPC takes no list of names.

    Raises:
        ValueError: There is none, or one of several is not an IP address with a port.
    """
    addresses = [address] if isinstance(address, str) else list(address)
    if len(addresses) == 1:
        return addresses[0]
    versions = {_ip_version(one) for one in addresses}
    if len(versions) != 1:
        raise ValueError(
            f"give one address, or several IP addresses with their ports, all of IPv4 or all of IPv6: not {addresses}"
        )
    return f"ipv{versions.pop()}:{','.join(addresses)}"


def _ip_version(address: str) -> int:
    host, _, port = address.rpartition(":")
    try:
        int(port)
        return ipaddress.ip_address(host.strip("[]")).version
    except ValueError:
        raise ValueError(
            f"of several addresses each must be an IP address with its port, not {address!r}; "
            "one name in DNS may stand for many replicas instead"
        ) from None


class Channels:
    """One channel to each service, opened with its first call: until then a process may fork freely.

    In the child of a fork they are opened anew. (gRPC survives a fork after the first call only where the environment says
    GRPC_ENABLE_FORK_SUPPORT=1 before it is imported.)
    """

    def __init__(
        self, addresses: Mapping[str, Address], *, credentials: grpc.ChannelCredentials | None, asynchronous: bool
    ) -> None:
        """`addresses` by service: catalog, metering, entitlements, billing; without `credentials` connections are not encrypted."""
        self._targets = {service: target_of(address) for service, address in addresses.items()}
        self._credentials = credentials
        self._opener: Any = grpc.aio if asynchronous else grpc
        self._lock = threading.Lock()
        self._channels: dict[str, Any] = {}
        self._stubs: dict[type, Any] = {}
        on_fork(self)

    def stub(self, kind: type[Stub]) -> Stub:
        """A generated stub on the channel of its service: of `tollkeeper.billing.v1` on billing's."""
        with self._lock:
            if kind not in self._stubs:
                self._stubs[kind] = kind(self._channel(kind.__module__.split(".")[1]))  # type: ignore[call-arg]  # every stub takes a channel.
            stub: Stub = self._stubs[kind]
            return stub

    def take(self) -> list[Any]:
        """The open channels, for the caller to close; the next call opens new ones."""
        with self._lock:
            taken = list(self._channels.values())
            self._channels, self._stubs = {}, {}
            return taken

    def after_fork(self) -> None:
        """Forgets what the parent opened."""
        # Another thread may have held the lock when the process forked.
        self._lock = threading.Lock()
        self._channels, self._stubs = {}, {}

    def _channel(self, service: str) -> Any:
        if service not in self._channels:
            if service not in self._targets:
                raise ValueError(f"no address of the service {service} was given")
            target = self._targets[service]
            if self._credentials is None:
                self._channels[service] = self._opener.insecure_channel(target, options=OPTIONS)
            else:
                self._channels[service] = self._opener.secure_channel(target, self._credentials, options=OPTIONS)
        return self._channels[service]
