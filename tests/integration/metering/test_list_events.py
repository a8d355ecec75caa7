"""Raw events, read back."""

from datetime import timedelta
from decimal import Decimal

import pytest

from kit.client import call
from kit.errors import RemoteRefusal
from kit.proto import timestamp_to_proto
from tests.integration.metering.conftest import Metering
from tests.integration.metering.samples import JANUARY, event
from tollkeeper.metering.v1 import event_pb2
from tollkeeper.metering.v1.event_service_pb2 import ListEventsRequest, ListEventsResponse

INSTANT = timedelta(microseconds=1)


async def listed(metering: Metering, **fields: object) -> ListEventsResponse:
    """A page of UA's events."""
    return await call(metering.events.ListEvents, ListEventsRequest(**{"customer_id": "UA", **fields}))  # type: ignore[arg-type]  # the test gives what it likes.


def keys(response: ListEventsResponse) -> list[str]:
    """The idempotency keys in their order."""
    return [one.idempotency_key for one in response.events]


async def test_events_come_back_as_they_were_sent(metering: Metering) -> None:
    odd = 'a "quoted"\\ \t\r\n key é\u2028'
    sent = [
        event("1", text='tab\tquote"back\\slash\nline é\u2028', empty="", yes=True, no=False),
        event(odd, at=JANUARY + INSTANT, resource="JFK", whole=1400, fraction=0.1, exact=Decimal("0.123456789012")),
        event("3", at=JANUARY + 2 * INSTANT, huge=Decimal("123456789012345678.5"), **{odd: odd}),
        event("4", at=JANUARY + 3 * INSTANT),
    ]
    await metering.send(*sent)
    await metering.send(event("1", customer="AA"))
    response = await listed(metering)
    # A number comes back as a double where one holds it.
    sent[1].dimensions["exact"].CopyFrom(event_pb2.Value(number_value=0.123456789012))
    assert list(response.events) == sent
    assert not response.next_page_token


async def test_pages_follow_time_and_then_key(metering: Metering) -> None:
    events = [event(f"{n:02}", at=JANUARY + timedelta(seconds=n // 3)) for n in range(20)]
    await metering.send(*reversed(events))
    seen: list[str] = []
    token = ""
    while True:
        response = await listed(metering, page_size=7, page_token=token)
        seen += keys(response)
        token = response.next_page_token
        if not token:
            break
    assert seen == [one.idempotency_key for one in events]


async def test_lists_are_narrowed_by_name_and_range(metering: Metering) -> None:
    await metering.send(
        event("1"), event("2", name="flight.canceled", at=JANUARY + INSTANT), event("3", at=JANUARY + 2 * INSTANT)
    )
    assert keys(await listed(metering, event_name="flight.departed")) == ["1", "3"]
    assert keys(await listed(metering, start_time=timestamp_to_proto(JANUARY + INSTANT))) == ["2", "3"]
    assert keys(await listed(metering, end_time=timestamp_to_proto(JANUARY + INSTANT))) == ["1"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"page_size": 1_001}, "INVALID_FIELD"),
        ({"page_size": -1}, "INVALID_FIELD"),
        ({"event_name": "a b"}, "INVALID_FIELD"),
        ({"page_token": "nonsense"}, "INVALID_PAGE_TOKEN"),
        (
            {"start_time": timestamp_to_proto(JANUARY), "end_time": timestamp_to_proto(JANUARY)},
            "INVALID_FIELD",
        ),
    ],
)
async def test_bad_lists_are_refused(metering: Metering, fields: dict[str, object], reason: str) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await listed(metering, **fields)
    assert refused.value.reason == reason


async def test_a_token_belongs_to_its_filters(metering: Metering) -> None:
    await metering.send(event("1"), event("2"))
    token = (await listed(metering, page_size=1)).next_page_token
    with pytest.raises(RemoteRefusal) as refused:
        await listed(metering, page_size=1, page_token=token, event_name="flight.departed")
    assert refused.value.reason == "INVALID_PAGE_TOKEN"
