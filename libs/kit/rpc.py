"""The gRPC server: one builder for every service, with health, reflection and a guard around each method (`kit.edge`)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from kit.edge import MAX_MESSAGE_BYTES, AtOnce, Context, Edge, MethodHandler
from kit.errors import MAX_DETAIL_BYTES
from kit.settings import StartError

__all__ = ["MAX_MESSAGE_BYTES", "Context", "PortTakenError", "Registration", "Server"]

# What the transport takes in, so that most messages that are too large get an answer of ours, which says what to do.
_MAX_RECEIVED_BYTES = 4 * MAX_MESSAGE_BYTES


@dataclass(frozen=True, slots=True)
class Registration:
    """A servicer with what the server needs to know of it.

    Attributes:
        service_name: The full name, such as "tollkeeper.catalog.v1.FeatureService".
        add: The generated ``add_…Servicer_to_server``, with the servicer bound.
        trusted_text: Methods that check U+0000 themselves, because a walk over their messages is too slow.
        at_once: By the name of a method, what gives the answers that are there already, as bytes for bytes; None: the method is to
            be called. It raises nothing.
    """

    service_name: str
    add: Callable[[grpc.aio.Server], None]
    trusted_text: frozenset[str] = frozenset()
    at_once: Mapping[str, AtOnce] = field(default_factory=dict)


class Server:
    """A gRPC server with health and reflection; not serving until told so."""

    def __init__(
        self, context: str, listen: str, registrations: Sequence[Registration], *, max_concurrent: int
    ) -> None:
        self._server = grpc.aio.server(
            maximum_concurrent_rpcs=max_concurrent,
            options=(
                # Without it two different servers share one port and its traffic without any error.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", _MAX_RECEIVED_BYTES),
                ("grpc.max_metadata_size", MAX_DETAIL_BYTES * 2),
                ("grpc.absolute_max_metadata_size", MAX_DETAIL_BYTES * 2),
                # Clients that keep idle connections alive are polite, not to be sent away.
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ),
        )
        self._edge = Edge(context)
        self._health = health.aio.HealthServicer()
        self._names = ["", *(registration.service_name for registration in registrations)]
        for registration in registrations:
            registration.add(cast(grpc.aio.Server, _Guarding(self._server, self._edge, registration)))
        plain = cast(grpc.aio.Server, _Plain(self._server))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, plain)
        names = (*self._names[1:], health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, plain)
        self.port = self._bind(listen)

    def _bind(self, listen: str) -> int:
        try:
            return self._server.add_insecure_port(listen)
        except RuntimeError:
            msg = f"{listen} cannot be listened on: another program has the port. Stop it, or set TOLLKEEPER_LISTEN to a free one."
            raise PortTakenError(msg) from None

    async def start(self) -> None:
        """Answers calls, health with NOT_SERVING."""
        await self.set_serving(serving=False)
        await self._server.start()

    async def set_serving(self, *, serving: bool) -> None:
        """Tells probes whether to send traffic here."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in self._names:
            await self._health.set(name, status)

    async def stop(self, grace: float) -> None:
        """Takes no new calls, sends the clients of streams elsewhere, and gives the running calls the grace to end."""
        self._edge.drain()
        await self._server.stop(grace)


class PortTakenError(StartError):
    """The port is in use; the text says what to do."""


class _Plain:
    """What the generated ``add_…Servicer_to_server`` is given in the server's place.

    It registers no method by name: for each one the server would wait for a call of that method, and look at all those waits
    whenever any call comes. With forty methods that is a third of what a call costs.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Adds the methods."""
        self._server.add_generic_rpc_handlers(tuple(handlers))

    def add_registered_method_handlers(self, service_name: str, handlers: Mapping[str, MethodHandler]) -> None:
        """Nothing: they are the same methods."""


class _Guarding:
    """The same, with a guard around every method."""

    def __init__(self, server: grpc.aio.Server, edge: Edge, registration: Registration) -> None:
        self._server = server
        self._edge = edge
        self._registration = registration

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Nothing: they are the same methods."""

    def add_registered_method_handlers(self, service_name: str, handlers: Mapping[str, MethodHandler]) -> None:
        """Adds the methods, guarded."""
        guarded: dict[str, MethodHandler] = {}
        for name, handler in handlers.items():
            method = f"/{service_name}/{name}"
            guarded[name] = self._edge.guarded(
                method,
                handler,
                checks_text=method not in self._registration.trusted_text,
                at_once=self._registration.at_once.get(name),
            )
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service_name, guarded),))
