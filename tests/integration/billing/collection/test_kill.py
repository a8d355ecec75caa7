"""Workers killed by SIGKILL in the middle of collecting, at each moment in turn: charged once, announced once, nothing left open."""

import asyncio
import os
import sys
from collections import Counter
from datetime import UTC, datetime

import pytest

from kernel.errors import TollkeeperError
from kit.client import call
from tests.integration.billing.collection.shop import Shop, state
from tests.integration.billing.plans import MONTHLY, gates, plan
from tests.integration.billing.world import commitments_of
from tollkeeper.billing.v1 import subscription_service_pb2

FEBRUARY = datetime(2013, 2, 15, 12, tzinfo=UTC)
NAMES = ("AA", "DL", "UA")


async def killed_while_it_hangs(shop: Shop) -> None:
    """Runs a worker in a process of its own, and kills it when the provider holds its answer back."""
    shop.stripe.hanging.clear()
    arguments = [shop.world.settings.database_url, shop.stripe.base, shop.world.real_time.time.isoformat()]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.billing.collection.collector",
        *arguments,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await asyncio.wait_for(shop.stripe.hanging.wait(), 30)
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("moment", ["hang", "hang_after"])
async def test_workers_killed_again_and_again(shop: Shop, moment: str) -> None:
    shop.world.catalog.publish(plan("airline", gates()))
    for name in NAMES:
        await shop.customer(name)
        await shop.world.provision(name, "airline", commitments={"gates": "1"}, subscription_id=name.lower())
    before = shop.taken()
    shop.world.real_time.time = FEBRUARY
    assert await shop.crossing.cross_batch()
    for answered in (0, 2):
        # Longer than a lease: what a killed one had is free again.
        shop.later(minutes=2)
        shop.stripe.faults.clear()
        shop.stripe.faults.extend([""] * answered + [moment] * 20)
        await killed_while_it_hangs(shop)
    shop.stripe.faults.clear()
    shop.later(minutes=2)
    await shop.work()
    assert shop.taken() - before == len(NAMES) * 3_000
    for name in NAMES:
        renewal = (await shop.world.invoices_of(name))[1]
        [attempt] = await shop.attempts(renewal.id)
        assert (state(renewal), state(attempt)) == ("PAID", "SUCCEEDED")
        assert shop.stripe.charged(attempt.id) == [attempt.provider_payment_id]
        assert state(await shop.world.subscription(name.lower())) == "ACTIVE"
    announced = Counter(await shop.subjects(11 * len(NAMES)))
    assert announced.total() == 11 * len(NAMES)
    assert announced["payment_attempt.succeeded"] == announced["invoice.paid"] == 2 * len(NAMES)
    assert announced["payment_attempt.failed"] == announced["subscription.past_due"] == 0


async def test_a_worker_killed_while_a_refusal_is_on_its_way(shop: Shop) -> None:
    shop.world.catalog.publish(plan("airline", gates()))
    await shop.customer("UA")
    await shop.world.provision("UA", "airline", commitments={"gates": "1"}, subscription_id="ua")
    await shop.attach("UA", "pm_card_chargeCustomerFail")
    shop.world.real_time.time = FEBRUARY
    assert await shop.crossing.cross_batch()
    shop.later(minutes=2)
    shop.stripe.faults.append("hang_after")
    await killed_while_it_hangs(shop)
    shop.later(minutes=2)
    await shop.work()
    [attempt] = await shop.attempts((await shop.world.invoices_of("UA"))[1].id)
    assert (state(attempt), attempt.failure_code) == ("FAILED", "card_declined")
    assert len([one for one in shop.stripe.intents.values() if one["status"] == "requires_payment_method"]) == 1


@pytest.mark.parametrize("moment", ["hang", "hang_after"])
async def test_a_caller_who_gives_up_in_the_middle_of_a_payment(shop: Shop, moment: str) -> None:
    shop.world.catalog.publish(plan("airline", gates()))
    await shop.customer("UA")
    shop.stripe.faults.append(moment)
    request = subscription_service_pb2.ProvisionSubscriptionRequest(
        customer_id="UA",
        plan_id="airline",
        billing_period=MONTHLY,
        commitments=commitments_of({"gates": "20"}),
        subscription_id="ua",
        request_id="r1",
    )
    calling = asyncio.create_task(call(shop.world.subscriptions.ProvisionSubscription, request))
    await shop.stripe.hanging.wait()
    calling.cancel()
    await asyncio.wait([calling])
    assert state(await shop.world.subscription("ua")) == "PENDING_PAYMENT"
    shop.later(minutes=2)
    await shop.work()
    assert state(await shop.world.subscription("ua")) == "ACTIVE"
    assert shop.taken() == 29_800
    try:
        again = await call(shop.world.subscriptions.ProvisionSubscription, request)
    except TollkeeperError as error:
        raise AssertionError("a repeated request answers the first outcome") from error
    assert again.subscription.id == "ua"
