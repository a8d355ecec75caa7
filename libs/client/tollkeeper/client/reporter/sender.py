"""Brings one batch to the service, whatever it takes, and settles every event of it exactly once."""

import logging
import threading
from collections.abc import Sequence
from typing import Final, Protocol

from tollkeeper.client.calling import Retries
from tollkeeper.client.errors import TollkeeperError
from tollkeeper.client.metering import Metering, ReportedEvents
from tollkeeper.client.reporter.buffer import Waiting
from tollkeeper.client.reporter.verdict import Halve, Refuse, is_fault, judge
from tollkeeper.metering.v1 import event_service_pb2 as pb

log = logging.getLogger("tollkeeper.client")

# While the service is away, one attempt in so many is logged.
_LOGGED_ATTEMPTS: Final = 10


class Outcomes(Protocol):
    """Who hears what became of events."""

    def sent(self, events: Sequence[Waiting], reported: ReportedEvents) -> None:
        """The service took them."""

    def refused(self, event: Waiting, error: TollkeeperError) -> None:
        """The service refused one for good."""

    def retried(self) -> None:
        """A call failed, and is made again."""


class Sender:
    """Sends batches one after another."""

    def __init__(
        self, metering: Metering, outcomes: Outcomes, *, timeout: float, retries: Retries, stop: threading.Event
    ) -> None:
        """`timeout` is that of one call in seconds; `stop`, once set, ends `send`."""
        self._metering = metering
        self._outcomes = outcomes
        self._timeout = timeout
        self._retries = retries
        self._stop = stop

    def send(self, batch: Sequence[Waiting]) -> Sequence[Waiting]:
        """Sends until every event is taken or refused; gives those that are neither when it is stopped.

        What is sent again counts once: each event has had its key since it was handed over.
        """
        portions = [list(batch)]
        while portions and not self._stop.is_set():
            portions += reversed(self._settle(portions.pop()))
        return [event for portion in portions for event in portion]

    def _settle(self, events: list[Waiting]) -> list[list[Waiting]]:
        """Sends these; gives what is to be sent instead, in order."""
        request = pb.ReportEventsRequest(events=[event.message for event in events])
        failures = faults = 0
        while not self._stop.is_set():
            try:
                reported = self._metering.report_messages(request, timeout=self._timeout)
            except Exception as raised:  # noqa: BLE001 - whatever it is, no event is lost by it, and the thread lives on.
                error = (
                    raised if isinstance(raised, TollkeeperError) else TollkeeperError(repr(raised), code="INTERNAL")
                )
                failures += 1
                faults = faults + 1 if is_fault(error) else 0
                match judge(error, count=len(events), faults=faults):
                    case Halve():
                        half = len(events) // 2
                        return [events[:half], events[half:]]
                    case Refuse(errors):
                        return self._without(events, errors)
                    case _:
                        self._wait(error, failures)
            else:
                self._outcomes.sent(events, reported)
                return []
        return [events]

    def _without(self, events: list[Waiting], errors: dict[int, TollkeeperError]) -> list[list[Waiting]]:
        for index, error in sorted(errors.items()):
            self._outcomes.refused(events[index], error)
        rest = [event for index, event in enumerate(events) if index not in errors]
        return [rest] if rest else []

    def _wait(self, error: TollkeeperError, failures: int) -> None:
        self._outcomes.retried()
        if failures % _LOGGED_ATTEMPTS == 1:
            log.warning("events wait, because the service does not take them (attempt %d): %s", failures, error)
        self._stop.wait(self._retries.pause(failures))
