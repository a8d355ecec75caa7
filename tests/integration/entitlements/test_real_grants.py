"""Grants, revocations and thresholds between the real neighbours, through two replicas."""

import asyncio

import nats.errors
import nats.js.api
import pytest

from kit.broker import Broker
from kit.client import call
from tests.integration.entitlements.real import Platform, platform
from tests.integration.entitlements.test_real_neighbours import carriers
from tests.integration.entitlements.world import reason
from tollkeeper.billing.v1 import customer_pb2, customer_service_pb2
from tollkeeper.metering.v1 import metering_events_pb2

__all__ = ["carriers", "platform"]


async def customer(platform: Platform, customer_id: str) -> None:
    """A customer without any subscription."""
    request = customer_service_pb2.CreateCustomerRequest(customer=customer_pb2.Customer(id=customer_id))
    await call(platform.customers.CreateCustomer, request)


async def test_grants_and_revocations_bind_racing_callers_of_both_replicas(carriers: Platform) -> None:
    await customer(carriers, "united")
    one, other = carriers.giving
    small = await one.give("united", "gates", limit="10", id="small")
    for replica in (0, 1):
        assert (await carriers.check("united", "gates", small.token, replica=replica)).limit == "10"
    answers = await asyncio.gather(*(carriers.enforce("united", "1", replica=n % 2) for n in range(40)))
    assert sum(answer.written for answer in answers) == 10
    # Given through one: the other is behind, and told so by metering at the latest.
    large = await other.give("united", "gates", limit="25", id="large")
    answers = await asyncio.gather(
        *(carriers.enforce("united", "1", *([] if n % 2 else [large.token]), replica=n % 2) for n in range(60))
    )
    assert sum(answer.written for answer in answers) == 15
    # Taken away: who knows is refused, and once metering was shown the newer number so is everybody.
    ended = await one.end("united", "large")
    assert not (await carriers.enforce("united", "1", ended.token, replica=1)).written
    await carriers.enforce("united", "-20", ended.token, replica=0)
    answers = await asyncio.gather(
        *(carriers.enforce("united", "1", *([] if n % 2 else [ended.token]), replica=n % 2) for n in range(40))
    )
    assert sum(answer.written for answer in answers) == 5
    assert (await carriers.enforce("united", "-5", ended.token)).written
    revoked = await other.revoke("united", "gates")
    refused = await carriers.enforce("united", "1", revoked.token, replica=1)
    assert (refused.written, reason(refused.decision)) == (False, "REVOKED")
    restored = await one.restore("united", "gates")
    assert (await carriers.enforce("united", "1", restored, replica=1)).written


async def test_a_share_of_the_limit_is_announced_once_for_subscriptions_and_grants(
    carriers: Platform, broker: Broker
) -> None:
    config = nats.js.api.ConsumerConfig(deliver_policy=nats.js.api.DeliverPolicy.ALL)
    subscription = await broker.jetstream.subscribe(
        "tollkeeper.metering.threshold.crossed.>", stream="tollkeeper_metering", config=config
    )

    async def crossed() -> tuple[str, int, str, str]:
        message = await subscription.next_msg(timeout=10)
        event = metering_events_pb2.UsageThresholdCrossed.FromString(message.data)
        return event.customer_id, event.percent, event.limit, event.usage

    token = await carriers.provision("united", "10")
    await asyncio.gather(*(carriers.enforce("united", "1", token, replica=n % 2) for n in range(9)))
    assert (await crossed())[:3] == ("united", 80, "10")
    # A higher limit is not reached; when it ends, the former one stands again, and its second share is new.
    given = await carriers.giving[0].give("united", "gates", limit="20", id="more")
    assert (await carriers.enforce("united", "1", given.token)).written
    await carriers.giving[1].end("united", "more")
    assert await crossed() == ("united", 100, "10", "10")
    await customer(carriers, "delta")
    given = await carriers.giving[0].give("delta", "gates", limit="2")
    assert (await carriers.enforce("delta", "2", given.token)).written
    assert sorted([await crossed(), await crossed()]) == [("delta", 80, "2", "2"), ("delta", 100, "2", "2")]
    with pytest.raises(nats.errors.TimeoutError):
        await subscription.next_msg(timeout=0.5)
