"""Raw events, read back."""

from datetime import timedelta
from decimal import Decimal

import pytest

from kit.client import call
from kit.errors import RemoteRefusal
from kit.proto import timestamp_to_proto
from tests.integration.metering.conftest import Metering
from tests.integration.metering.fakes import Neighbours
from tests.integration.metering.samples import JANUARY, SUM, calculated, event, metered, value
from tollkeeper.catalog.v1 import feature_pb2
from tollkeeper.metering.v1 import event_pb2
from tollkeeper.metering.v1.event_service_pb2 import (
    EventKey,
    ListEventsRequest,
    ListEventsResponse,
    RetractEventsRequest,
)

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


async def test_lists_are_narrowed_by_resource_and_dimensions(metering: Metering) -> None:
    await metering.send(
        event("1", resource="JFK", tail="N1", miles=1, late=True),
        event("2", resource="JFK", tail="N2", miles=1.5),
        event("3", resource="LGA", tail="N1", miles="1"),
        event("4", tail="1", late=False),
    )
    assert keys(await listed(metering, resource_id="JFK")) == ["1", "2"]
    for dimensions, found in [
        ({"tail": "N1"}, ["1", "3"]),
        ({"tail": "N1", "miles": 1}, ["1"]),
        ({"miles": Decimal("1.50")}, ["2"]),
        ({"miles": "1"}, ["3"]),
        ({"late": True}, ["1"]),
        ({"late": "true"}, []),
        ({"missing": ""}, []),
    ]:
        wanted = {name: value(of) for name, of in dimensions.items()}  # type: ignore[attr-defined]  # a mapping.
        assert keys(await listed(metering, dimensions=wanted)) == found, dimensions
    both = {"resource_id": "JFK", "dimensions": {"tail": value("N1")}, "event_name": "flight.departed"}
    assert keys(await listed(metering, **both)) == ["1"]


async def test_lists_are_narrowed_to_what_a_meter_counts_or_skips(metering: Metering, neighbours: Neighbours) -> None:
    from_jfk = feature_pb2.Condition(field="origin", equals=feature_pb2.Value(string_value="JFK"))
    filters = [feature_pb2.Filter(conditions=[from_jfk])]
    neighbours.features["miles"] = metered("miles", SUM, "miles", filters=filters)
    neighbours.features["gates"] = calculated("gates")
    await metering.send(
        event("counted", origin="JFK", miles=1),
        event("skipped", origin="JFK", miles="1"),
        event("elsewhere", origin="LGA", miles=1),
        event("other", name="flight.canceled", origin="JFK", miles=1),
    )
    assert keys(await listed(metering, feature_id="miles")) == ["counted", "skipped"]
    for feature_id, reason in (("gates", "FEATURE_HAS_NO_METER"), ("unheard-of", "FEATURE_NOT_FOUND")):
        with pytest.raises(RemoteRefusal) as refused:
            await listed(metering, feature_id=feature_id)
        assert refused.value.reason == reason


async def test_pages_stay_where_they_are_while_events_come_and_go(metering: Metering) -> None:
    await metering.send(*(event(f"{n}", at=JANUARY + n * INSTANT, tail="N1") for n in range(2, 8)))
    wanted = {"dimensions": {"tail": value("N1")}, "page_size": 3}
    first = await listed(metering, **wanted)
    await metering.send(event("0", tail="N1"), event("99", at=JANUARY + 99 * INSTANT, tail="N1"))
    named = [EventKey(customer_id="UA", idempotency_key=key) for key in ("4", "6")]
    await call(metering.events.RetractEvents, RetractEventsRequest(keys=named))
    second = await listed(metering, **wanted, page_token=first.next_page_token)
    assert (keys(first), keys(second)) == (["2", "3", "4"], ["5", "7", "99"])
    assert not second.next_page_token
    for changed in ({"tail": value("N2")}, {"tail": value("N1"), "x": value("")}, {}):
        with pytest.raises(RemoteRefusal) as refused:
            await listed(metering, page_size=3, dimensions=changed, page_token=first.next_page_token)
        assert refused.value.reason == "INVALID_PAGE_TOKEN"


async def test_every_mistake_of_a_list_is_named(metering: Metering) -> None:
    with pytest.raises(RemoteRefusal) as refused:
        await listed(
            metering,
            resource_id="a b",
            feature_id="-",
            dimensions={"a": event_pb2.Value(number_value=float("nan")), "b": event_pb2.Value(), "": value(True)},
        )
    assert [violation.path for violation in refused.value.violations] == [
        "resource_id",
        "feature_id",
        "dimensions['']",
        "dimensions['a'].number_value",
        "dimensions['b']",
    ]
    with pytest.raises(RemoteRefusal, match="dimensions: must be at most 10, not 11"):
        await listed(metering, dimensions={str(n): value(n) for n in range(11)})


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
