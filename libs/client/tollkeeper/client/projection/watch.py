"""The stream that feeds a projection: opened, read, and opened again elsewhere when it ends, for as long as the process lives."""

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any, Final, Protocol

import grpc

from tollkeeper.client.calling import Retries, is_passing
from tollkeeper.client.channel import Channels
from tollkeeper.client.errors import error_of
from tollkeeper.client.projection.held import Session
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1.entitlements_service_pb2_grpc import EntitlementsServiceStub

log = logging.getLogger("tollkeeper.client")

# A heartbeat comes every second: after so many without any, the stream is taken for dead.
SILENCE_SECONDS: Final = 5.0
# How long a quiet stream waits until it looks again whether it is still alive.
_LOOK_SECONDS: Final = 0.5


class Reader(Protocol):
    """Who asks for customers and takes what is told of them."""

    def open(self) -> Session:
        """A new stream begins: everything is asked for anew."""

    def next_request(self, session: Session, *, seconds: float) -> pb.WatchEntitlementsRequest | None:
        """What is to be asked next; None if there is nothing within so many seconds, or there is a newer stream."""

    def take(self, told: pb.WatchEntitlementsResponse) -> None:
        """Takes one message."""

    def lost(self) -> None:
        """The stream ended, or could not be opened."""


class Watch:
    """Reads the stream in a thread of its own."""

    def __init__(self, channels: Channels, reader: Reader, *, retries: Retries) -> None:
        """`retries` say how long to pause after a lost stream; it is opened again without end."""
        self._channels = channels
        self._reader = reader
        self._retries = retries
        self._stop = threading.Event()
        self._call: Any = None
        self._heard = 0.0
        self._thread = threading.Thread(target=self._run, name="tollkeeper-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the stream and its thread."""
        self._stop.set()
        if self._call is not None:
            self._call.cancel()
        if self._thread is not threading.current_thread():
            self._thread.join(5)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            heard = self._read()
            if self._stop.is_set():
                return
            failures = 1 if heard else failures + 1
            self._reader.lost()
            self._stop.wait(self._retries.pause(failures))

    def _read(self) -> bool:
        """Reads one stream to its end; whether it told anything."""
        session = self._reader.open()
        heard, ended = False, threading.Event()
        self._heard = time.monotonic()
        stub: Any = self._channels.stub(EntitlementsServiceStub)
        try:
            self._call = stub.WatchEntitlements(self._requests(session, ended))
            for told in self._call:
                heard, self._heard = True, time.monotonic()
                self._reader.take(told)
        except grpc.RpcError as failed:
            if not self._stop.is_set():
                error = error_of(failed)
                level = logging.INFO if is_passing(error) else logging.WARNING
                log.log(level, "the watch of entitlements was lost and is opened again: %s", error)
        except Exception:
            # A message that this version cannot read must not end the checks of everything else.
            log.exception("the watch of entitlements failed and is opened again")
        finally:
            ended.set()
            if self._call is not None:
                self._call.cancel()
        return heard

    def _requests(self, session: Session, ended: threading.Event) -> Iterator[pb.WatchEntitlementsRequest]:
        """Read by gRPC's own thread; beside asking it watches over the stream."""
        while not ended.is_set() and not self._stop.is_set():
            request = self._reader.next_request(session, seconds=_LOOK_SECONDS)
            if request is not None:
                yield request
            elif time.monotonic() - self._heard > SILENCE_SECONDS and self._call is not None:
                self._call.cancel()
                return
