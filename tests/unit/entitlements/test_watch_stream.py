"""One stream of a watch: bounded, whatever happens and however slowly it is read."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from entitlements.commands.watch_entitlements import MAX_CUSTOMERS, Watch
from entitlements.commands.watched_customer import WatchedCustomer
from entitlements.domain.plan import MeteredGrant
from entitlements.domain.watched import customer_state
from entitlements.messages.watch import WatchRequest
from kernel.errors import TollkeeperError
from tests.unit.entitlements.build import START, entry_of, plan, subscription, window
from tollkeeper.entitlements.v1.entitlements_service_pb2 import WatchEntitlementsResponse

CALLS = plan({"calls": MeteredGrant(Decimal(100), soft=False, reset=None)})


class _Hub:
    """A stand-in that holds nothing: what a stream asks of the real one is tested over the wire."""

    def __init__(self) -> None:
        self.added: list[str] = []

    def open(self, _stream: Watch) -> None:
        """Nothing."""

    def add(self, _stream: Watch, customer_id: str) -> None:
        self.added.append(customer_id)


def _watch() -> Watch:
    return Watch(cast(Any, _Hub()))


def _asking(first: int, last: int) -> WatchRequest:
    return WatchRequest(tuple((f"customer-{number}", "") for number in range(first, last)), ())


async def _next(updates: AsyncIterator[bytes]) -> WatchEntitlementsResponse:
    return WatchEntitlementsResponse.FromString(await anext(updates))


async def test_a_stream_takes_ten_thousand_customers_and_no_more() -> None:
    watch = _watch()
    for start in range(0, MAX_CUSTOMERS, 1_000):
        watch.apply(_asking(start, start + 1_000))
    # One that is watched already is none more.
    watch.apply(_asking(0, 1_000))
    with pytest.raises(TollkeeperError) as refused:
        watch.apply(_asking(MAX_CUSTOMERS - 1, MAX_CUSTOMERS + 1))
    assert [violation.path for violation in refused.value.violations] == ["add[1]"]


async def test_of_many_states_a_slow_reader_is_told_the_newest_only() -> None:
    watch, customer = _watch(), WatchedCustomer("c")
    entry = entry_of((subscription(), CALLS))
    watch.apply(WatchRequest((("c", ""),), ()))
    updates = watch.updates()
    for usage in range(100):
        entry.apply(window("calls", str(usage), usage + 1))
        watch.hear(customer, changed=customer.take(customer_state(entry, START), START))
    watch.beat(START)
    whole = await _next(updates)
    assert [each.usage for each in whole.customer.entitlements[0].holdings] == ["99"]
    for usage in range(100, 200):
        entry.apply(window("calls", str(usage), usage + 1))
        watch.hear(customer, changed=customer.take(customer_state(entry, START), START))
        watch.beat(START + timedelta(seconds=usage))
    kinds = [await _next(updates) for _ in range(2)]
    assert [kind.WhichOneof("update") for kind in kinds] == ["heartbeat", "changes"]
    assert [each.usage for each in kinds[1].changes.entitlements[0].holdings] == ["199"]
    watch.fail(TimeoutError())
    with pytest.raises(TimeoutError):
        await anext(updates)


async def test_a_heartbeat_comes_after_everything_that_was_heard_before_it() -> None:
    watch = _watch()
    watch.apply(_asking(0, 3))
    updates = watch.updates()
    customers = [WatchedCustomer(f"customer-{number}") for number in range(3)]
    state = customer_state(entry_of((subscription(), CALLS)), START)
    for customer in customers[:2]:
        watch.hear(customer, changed=customer.take(state, START))
    watch.beat(START)
    watch.hear(customers[2], changed=customers[2].take(state, START))
    told = [await _next(updates) for _ in range(4)]
    assert [each.WhichOneof("update") for each in told] == ["customer", "customer", "heartbeat", "customer"]
    assert told[2].heartbeat.as_of.ToDatetime(START.tzinfo) == START


async def test_how_fresh_everything_is_may_be_unknown() -> None:
    watch = _watch()
    unknown: datetime | None = None
    watch.beat(unknown)
    assert not (await _next(watch.updates())).heartbeat.HasField("as_of")


async def test_a_state_that_is_known_is_confirmed_and_another_one_sent() -> None:
    watch, customer = _watch(), WatchedCustomer("c")
    state = customer_state(entry_of((subscription(), CALLS)), START)
    customer.take(state, START)
    updates = watch.updates()
    watch.apply(WatchRequest((("c", customer.version),), ()))
    watch.hear(customer, changed=False)
    confirmed = (await _next(updates)).changes
    assert (confirmed.version, list(confirmed.entitlements)) == (customer.version, [])
    watch.apply(WatchRequest((("c", "another"),), ()))
    watch.hear(customer, changed=False)
    assert (await _next(updates)).customer.version == customer.version
