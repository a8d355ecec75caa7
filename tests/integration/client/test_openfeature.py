"""The provider through OpenFeature's own client: values, types, reasons, errors, events."""

import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import ErrorCode, ProviderNotReadyError
from openfeature.flag_evaluation import FlagEvaluationDetails, Reason
from openfeature.provider import ProviderStatus

from tests.integration.client.fakes import Fake, Stream
from tests.integration.client.told import SOURCE, changes, gates, state, switch
from tollkeeper.client import Fallback, Tollkeeper
from tollkeeper.client.openfeature import TollkeeperProvider
from tollkeeper.entitlements.v1 import decision_pb2
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.entitlements.v1.watched_entitlement_pb2 import CustomerEntitlements, Holding, WatchedEntitlement

ACME = EvaluationContext("acme")


def enum(*values: str, feature_id: str = "airports") -> WatchedEntitlement:
    """An enum feature."""
    holding = Holding(source=SOURCE, values=values)
    return WatchedEntitlement(feature_id=feature_id, feature_type=decision_pb2.FEATURE_TYPE_ENUM, holdings=[holding])


def number(value: str, feature_id: str = "history") -> WatchedEntitlement:
    """A numeric feature."""
    holding = Holding(source=SOURCE, numeric_value=value)
    return WatchedEntitlement(feature_id=feature_id, feature_type=decision_pb2.FEATURE_TYPE_NUMERIC, holdings=[holding])


def fresh(*entitlements: WatchedEntitlement, customer_id: str = "acme") -> CustomerEntitlements:
    """A state of now."""
    return state(*entitlements, customer_id=customer_id, as_of=datetime.now(UTC))


class Flags:
    """A provider that is fed by a fake, OpenFeature's client of it, and the events that it emits."""

    def __init__(self, fake: Fake, tollkeeper: Tollkeeper) -> None:
        self.fake = fake
        self.tollkeeper = tollkeeper
        self.events: queue.Queue[tuple[ProviderEvent, EventDetails]] = queue.Queue()
        self.client: OpenFeatureClient = api.get_client("tollkeeper")

    def listen(self) -> None:
        """Hears events from now on, and the provider's status as one."""
        for event in ProviderEvent:
            self.client.add_handler(event, lambda details, event=event: self.events.put((event, details)))  # type: ignore[misc]  # bound now.

    def begin(self, *entitlements: WatchedEntitlement, **how: Any) -> Stream:
        """Initializes a provider, and tells it of acme."""
        provider = TollkeeperProvider(self.tollkeeper, customer_ids=["acme"], **how)
        # As the SDK does: the stream opens while it initializes.
        api.set_provider(provider, domain="tollkeeper")
        self.listen()
        stream = self.fake.opened()
        stream.tell(customer=fresh(*entitlements))
        assert self.next_event()[0] is ProviderEvent.PROVIDER_READY
        while not provider._projection.watch("acme", timeout=5):  # type: ignore[union-attr]  # it was initialized.
            pass
        return stream

    def next_event(self) -> tuple[ProviderEvent, EventDetails]:
        """The next event that was emitted."""
        return self.events.get(timeout=10)


@pytest.fixture
def flags(fake: Fake, tollkeeper: Tollkeeper) -> Iterator[Flags]:
    """Flags of a fake."""
    fake.answers["CheckEntitlement"] = lambda request: pb.CheckEntitlementResponse(
        decision=decision_pb2.Decision(
            reason=decision_pb2.DECISION_REASON_FEATURE_UNKNOWN
            if request.feature_id == "no-such"
            else decision_pb2.DECISION_REASON_FEATURE_NOT_INCLUDED
        )
    )
    yield Flags(fake, tollkeeper)
    api.shutdown()
    api.clear_providers()
    api.get_client("tollkeeper")


def test_a_boolean_flag_is_whether_it_is_granted(flags: Flags) -> None:
    flags.begin(gates("3", limit="3"), switch(), enum("EWR", "JFK"), number("90"))
    client = flags.client
    assert client.get_boolean_value("night-flights", False, ACME)
    assert client.get_boolean_value("history", False, ACME)
    full = client.get_boolean_details("gates", True, ACME)
    assert (full.value, full.variant, full.reason, full.error_code) == (False, "refused", Reason.TARGETING_MATCH, None)
    assert full.flag_metadata["reason"] == "LIMIT_EXCEEDED"
    assert (full.flag_metadata["limit"], full.flag_metadata["usage"], full.flag_metadata["remaining"]) == (3, 3, 0)
    assert full.flag_metadata["plan_id"] == "carrier"
    assert not client.get_boolean_value("lounges", True, ACME)


def test_the_context_says_what_is_wanted(flags: Flags) -> None:
    flags.begin(gates("1", limit="3"), enum("EWR", "JFK"))

    def granted(flag: str, **attributes: Any) -> FlagEvaluationDetails[bool]:
        return flags.client.get_boolean_details(flag, True, EvaluationContext("acme", attributes))

    assert granted("gates", requested_usage=2).value
    assert not granted("gates", requested_usage="2.5").value
    assert granted("airports", requested_values=["JFK"]).value
    assert not granted("airports", requested_values=["JFK", "SWF"]).value
    for wrong in ({"requested_usage": "many"}, {"requested_usage": -1}, {"requested_values": "JFK"}):
        details = granted("gates", **wrong)
        assert (details.error_code, details.value, details.reason) == (ErrorCode.INVALID_CONTEXT, True, Reason.ERROR)


def test_numbers_and_values_have_their_types(flags: Flags) -> None:
    flags.begin(number("90"), number("2.5", "share"), enum("EWR", "JFK"), enum("gold", feature_id="support"), gates())
    client = flags.client
    assert client.get_integer_value("history", 1, ACME) == 90
    assert client.get_float_value("history", 1.0, ACME) == 90.0
    assert isinstance(client.get_float_value("history", 1.0, ACME), float)
    assert client.get_float_value("share", 1.0, ACME) == 2.5
    assert client.get_string_value("support", "none", ACME) == "gold"
    assert client.get_object_value("airports", [], ACME) == ["EWR", "JFK"]
    assert client.get_object_details("airports", [], ACME).variant == "EWR,JFK"
    mismatches: list[FlagEvaluationDetails[Any]] = [
        client.get_integer_details("share", 7, ACME),
        client.get_integer_details("gates", 7, ACME),
        client.get_float_details("airports", 7.0, ACME),
        client.get_string_details("airports", "7", ACME),
        client.get_string_details("history", "7", ACME),
        client.get_object_details("gates", ["7"], ACME),
    ]
    for details in mismatches:
        assert (details.error_code, details.reason) == (ErrorCode.TYPE_MISMATCH, Reason.ERROR)
        assert details.value in (7, 7.0, "7", ["7"])


def test_what_a_customer_has_not_has_no_value(flags: Flags) -> None:
    flags.begin()
    details = flags.client.get_integer_details("history", 30, ACME)
    assert (details.value, details.error_code, details.flag_metadata["reason"]) == (30, None, "FEATURE_NOT_INCLUDED")


async def test_a_flag_that_is_no_feature_is_not_found_and_asked_for_once(flags: Flags) -> None:
    flags.begin(switch())
    for _ in range(3):
        details = flags.client.get_boolean_details("no-such", True, ACME)
        assert (details.value, details.error_code) == (True, ErrorCode.FLAG_NOT_FOUND)
    asynchronous = await flags.client.get_boolean_details_async("no-such-either", True, ACME)
    assert asynchronous.error_code is None
    assert (await flags.client.get_boolean_details_async("no-such", True, ACME)).error_code is ErrorCode.FLAG_NOT_FOUND
    assert await flags.client.get_boolean_value_async("night-flights", False, ACME)
    assert len(flags.fake.asked["CheckEntitlement"]) == 2


def test_a_targeting_key_is_needed(flags: Flags) -> None:
    flags.begin(switch())
    for context in (None, EvaluationContext(), EvaluationContext("")):
        details = flags.client.get_boolean_details("night-flights", True, context)
        assert (details.value, details.error_code) == (True, ErrorCode.TARGETING_KEY_MISSING)


def test_the_first_evaluation_waits_for_the_customer(flags: Flags) -> None:
    stream = flags.begin(first_seconds=5.0)
    assert stream.asked().add[0].customer_id == "acme"
    stream.tell(customer=fresh(switch(), customer_id="other"))
    waited = api.get_client("tollkeeper").get_boolean_details

    # The state comes only after it was asked for.
    def answer() -> None:
        stream.asked()
        stream.tell(customer=fresh(switch(), customer_id="new"))

    answering = threading.Thread(target=answer)
    answering.start()
    assert waited("night-flights", False, EvaluationContext("new")).value
    answering.join()


def test_the_fallback_answers_while_nothing_is_known(flags: Flags) -> None:
    flags.begin(switch(), first_seconds=0.01, fallbacks={"night-flights": Fallback(granted=True)})
    stranger = EvaluationContext("stranger")
    granted = flags.client.get_boolean_details("night-flights", False, stranger)
    assert (granted.value, granted.reason, granted.flag_metadata["fallback"]) == (True, Reason.DEFAULT, True)
    assert not flags.client.get_boolean_value("gates", True, stranger)
    assert flags.client.get_integer_value("history", 30, stranger) == 30


def test_old_knowledge_is_stale(flags: Flags) -> None:
    flags.begin(switch(), number("90"), fallback=Fallback(granted=True, max_age=timedelta(0)))
    details = flags.client.get_boolean_details("night-flights", False, ACME)
    assert (details.value, details.reason) == (True, Reason.STALE)
    assert flags.client.get_integer_value("history", 30, ACME) == 30


def test_events_tell_what_becomes_of_the_stream(flags: Flags) -> None:
    stream = flags.begin(switch(), error_seconds=0.0)
    assert flags.client.get_provider_status() is ProviderStatus.READY
    stream.tell(changes=changes(gates(), as_of=datetime.now(UTC)))
    event, details = flags.next_event()
    while details.flags_changed != ["gates"]:
        event, details = flags.next_event()
    assert (event, details.metadata) == (ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, {"customer_id": "acme"})
    flags.fake.stop()
    assert flags.next_event()[0] is ProviderEvent.PROVIDER_STALE
    event, details = flags.next_event()
    assert (event, details.error_code) == (ProviderEvent.PROVIDER_ERROR, ErrorCode.GENERAL)
    assert flags.client.get_boolean_value("night-flights", False, ACME) is not None
    flags.fake.start()
    again = flags.fake.opened()
    again.tell(customer=fresh(switch()))
    assert flags.next_event()[0] is ProviderEvent.PROVIDER_READY
    assert flags.client.get_provider_status() is ProviderStatus.READY


def test_without_the_service_it_is_not_ready_until_it_comes(flags: Flags) -> None:
    flags.fake.stop()
    provider = TollkeeperProvider(flags.tollkeeper, connect_seconds=0.1)
    with pytest.raises(ProviderNotReadyError):
        api.set_provider_and_wait(provider, domain="tollkeeper")
    flags.listen()
    assert flags.next_event()[0] is ProviderEvent.PROVIDER_ERROR
    flags.fake.start()
    flags.fake.opened().tell(heartbeat={})
    assert flags.next_event()[0] is ProviderEvent.PROVIDER_READY


def test_outside_of_its_life_it_is_not_ready(flags: Flags) -> None:
    provider = TollkeeperProvider(flags.tollkeeper)
    with pytest.raises(ProviderNotReadyError):
        provider.resolve_boolean_details("night-flights", True, ACME)
    api.set_provider(provider, domain="tollkeeper")
    waiting = flags.client.get_boolean_details("night-flights", True, ACME)
    assert (waiting.value, waiting.error_code) == (True, ErrorCode.PROVIDER_NOT_READY)
    flags.fake.opened().tell(customer=fresh(switch()))
    flags.listen()
    assert flags.next_event()[0] is ProviderEvent.PROVIDER_READY
    api.shutdown()
    with pytest.raises(ProviderNotReadyError):
        provider.resolve_boolean_details("night-flights", True, ACME)
