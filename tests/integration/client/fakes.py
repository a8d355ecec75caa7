"""Stand-ins for the services: what they were asked is remembered, what they answer is set by the test."""

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.message import Message

from kernel.errors import TollkeeperError
from kit.errors import status_of
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import add_EntitlementsServiceServicer_to_server
from tollkeeper.entitlements.v1.promotional_grant_service_pb2_grpc import add_PromotionalGrantServiceServicer_to_server
from tollkeeper.entitlements.v1.revocation_service_pb2_grpc import add_RevocationServiceServicer_to_server
from tollkeeper.metering.v1.event_service_pb2_grpc import add_EventServiceServicer_to_server
from tollkeeper.metering.v1.usage_service_pb2_grpc import add_UsageServiceServicer_to_server

# What a fake does about a request: answers, or refuses.
Answer = Callable[[Any], Message | TollkeeperError | grpc.StatusCode]


@dataclass
class Stream:
    """One watch that a client opened."""

    requests: "queue.Queue[pb.WatchEntitlementsRequest]" = field(default_factory=queue.Queue)
    answers: "queue.Queue[pb.WatchEntitlementsResponse | grpc.StatusCode]" = field(default_factory=queue.Queue)

    def tell(self, **update: Any) -> None:
        """Sends a message."""
        self.answers.put(pb.WatchEntitlementsResponse(**update))

    def asked(self) -> pb.WatchEntitlementsRequest:
        """The next request of the client."""
        return self.requests.get(timeout=10)

    def end(self, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> None:
        """Ends it."""
        self.answers.put(code)


class Fake:
    """A fake of every service that the library calls, because the library is what is tested: in threads, like a server elsewhere.

    Attributes:
        asked: The requests by method.
        answers: What is answered by method; unless set, an empty message.
        streams: The watches, as they are opened.
    """

    def __init__(self) -> None:
        self.asked: defaultdict[str, list[Any]] = defaultdict(list)
        self.answers: dict[str, Answer] = {}
        self.streams: queue.Queue[Stream] = queue.Queue()
        self.deadlines: list[float] = []
        self.port = 0
        self._server: grpc.Server | None = None
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def opened(self) -> Stream:
        """The next watch that is opened."""
        return self.streams.get(timeout=10)

    def start(self) -> None:
        """Listens; after a stop on the same port."""
        # Each watch holds a thread.
        self._server = grpc.server(ThreadPoolExecutor(32), options=[("grpc.so_reuseport", 0)])
        adders: list[Any] = [
            add_EntitlementsServiceServicer_to_server,
            add_PromotionalGrantServiceServicer_to_server,
            add_RevocationServiceServicer_to_server,
            add_EventServiceServicer_to_server,
            add_UsageServiceServicer_to_server,
        ]
        for add in adders:
            # The fake has every method of every servicer.
            add(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def stop(self) -> None:
        """Goes away."""
        if self._server is not None:
            self._server.stop(0).wait(10)

    def __getattr__(self, method: str) -> Callable[[Any, grpc.ServicerContext], Message]:
        if not method[0].isupper():
            raise AttributeError(method)

        def answered(request: Any, context: grpc.ServicerContext) -> Message:
            with self._lock:
                self.asked[method].append(request)
                self.deadlines.append(context.time_remaining())
            answer = self.answers.get(method, _empty)(request)
            if isinstance(answer, TollkeeperError):
                context.abort_with_status(status_of(answer, "fake", detail_bytes=1_000_000))
            if isinstance(answer, grpc.StatusCode):
                context.abort(answer, "away")
            assert isinstance(answer, Message)
            return answer

        return answered

    def WatchEntitlements(
        self, requests: Iterator[pb.WatchEntitlementsRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.WatchEntitlementsResponse]:
        """A watch that the test speaks for."""
        stream = Stream()
        context.add_callback(lambda: stream.end(grpc.StatusCode.CANCELLED))
        threading.Thread(target=_read, args=(requests, stream), daemon=True).start()
        self.streams.put(stream)
        while True:
            answer = stream.answers.get()
            if isinstance(answer, grpc.StatusCode):
                context.abort(answer, "away")
            yield answer


def _read(requests: Iterator[pb.WatchEntitlementsRequest], stream: Stream) -> None:
    try:
        for request in requests:
            stream.requests.put(request)
    except Exception:
        # The stream ended.
        return


def _empty(request: Any) -> Message:
    """The method's response without anything: `XRequest` → `XResponse`."""
    name = request.DESCRIPTOR.full_name.removesuffix("Request") + "Response"
    descriptor = request.DESCRIPTOR.file.pool.FindMessageTypeByName(name)
    return message_factory.GetMessageClass(descriptor)()
