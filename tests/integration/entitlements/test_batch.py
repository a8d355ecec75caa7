"""Batches of checks: one answer each, in order, as single checks would be answered."""

from collections.abc import Sequence

import grpc
import pytest

from kernel.token import FactKind, Token
from kit.client import call
from kit.errors import RemoteRefusal
from tests.integration.entitlements.world import World, reason
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb


async def _batch(
    world: World, *pairs: tuple[str, str], tokens: Sequence[str] = (), current: bool = False
) -> Sequence[pb.EntitlementCheckResult]:
    request = pb.BatchCheckEntitlementsRequest(
        checks=[
            pb.EntitlementCheck(customer_id=customer_id, feature_id=feature_id) for customer_id, feature_id in pairs
        ]
    )
    if tokens:
        request.consistency.at_least_as_fresh.tokens.extend(tokens)
    if current:
        request.consistency.current = True
    return list((await call(world.api.BatchCheckEntitlements, request)).results)


async def _carriers(world: World, *customer_ids: str) -> None:
    for customer_id in customer_ids:
        await world.customer(customer_id, announced=False)
        await world.subscribe(customer_id, "carrier", commitments={"gates": "3"}, announced=False)


async def test_every_pair_is_answered_in_order_also_twice(world: World) -> None:
    await _carriers(world, "ua", "aa")
    pairs = [
        ("ua", "gates"),
        ("nobody", "gates"),
        ("aa", "lounges"),
        ("ua", "nonsense"),
        ("ua", "gates"),
        ("aa", "airports"),
    ]
    results = await _batch(world, *pairs)
    single = [await world.check(*pair) for pair in pairs]
    assert [each.decision.feature_id for each in results] == [feature_id for _, feature_id in pairs]
    assert [reason(each.decision) for each in results] == [
        "WITHIN_LIMIT",
        "CUSTOMER_UNKNOWN",
        "FEATURE_NOT_INCLUDED",
        "FEATURE_UNKNOWN",
        "WITHIN_LIMIT",
        "INCLUDED",
    ]
    for result, alone in zip(results, single, strict=True):
        alone.as_of.CopyFrom(result.decision.as_of)
        assert result.decision == alone


async def test_what_is_wanted_is_said_of_each_pair(world: World) -> None:
    await _carriers(world, "ua")
    wanted = [{"requested_usage": "3"}, {"requested_usage": "4"}]
    checks = [pb.EntitlementCheck(customer_id="ua", feature_id="gates", **each) for each in wanted]
    checks.append(pb.EntitlementCheck(customer_id="ua", feature_id="airports", requested_values=["JFK", "LGA"]))
    response = await call(world.api.BatchCheckEntitlements, pb.BatchCheckEntitlementsRequest(checks=checks))
    assert [reason(each.decision) for each in response.results] == [
        "WITHIN_LIMIT",
        "LIMIT_EXCEEDED",
        "VALUE_NOT_GRANTED",
    ]


async def test_all_mistakes_are_named_at_once_and_nothing_is_answered(world: World) -> None:
    request = pb.BatchCheckEntitlementsRequest(
        checks=[
            pb.EntitlementCheck(customer_id="ua", feature_id="gates"),
            pb.EntitlementCheck(customer_id="u a", feature_id=""),
            pb.EntitlementCheck(customer_id="ua", feature_id="gates", requested_usage="NaN"),
            pb.EntitlementCheck(customer_id="", feature_id="airports", requested_values=["JFK", "\n"]),
        ]
    )
    request.consistency.at_least_as_fresh.tokens.append("mine")
    with pytest.raises(RemoteRefusal) as refused:
        await call(world.api.BatchCheckEntitlements, request)
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.path for violation in refused.value.violations] == [
        "checks[1].customer_id",
        "checks[1].feature_id",
        "checks[2].requested_usage",
        "checks[3].customer_id",
        "checks[3].requested_values[1]",
        "consistency.at_least_as_fresh.tokens[0]",
    ]
    assert not world.billing.gate.calls


@pytest.mark.parametrize("count", [0, 1_001])
async def test_a_batch_has_one_to_a_thousand_checks(world: World, count: int) -> None:
    checks = [pb.EntitlementCheck(customer_id="ua", feature_id="gates")] * count
    with pytest.raises(RemoteRefusal) as refused:
        await call(world.api.BatchCheckEntitlements, pb.BatchCheckEntitlementsRequest(checks=checks))
    assert [violation.path for violation in refused.value.violations] == ["checks"]


async def test_an_owner_that_is_away_fails_its_own_customers_only(world: World) -> None:
    await _carriers(world, "held", "cold")
    assert await world.why("held", "gates") == "WITHIN_LIMIT"
    world.billing.gate.away = True
    held, cold, again = await _batch(world, ("held", "gates"), ("cold", "gates"), ("cold", "airports"))
    assert reason(held.decision) == "WITHIN_LIMIT"
    assert cold.WhichOneof("result") == "failure"
    assert cold.failure.reason == "DEPENDENCY_UNAVAILABLE"
    assert cold.failure.message == "A service that this answer needs cannot be reached. Retry with backoff."
    assert again.failure == cold.failure


async def test_a_feature_that_nobody_can_be_asked_about_fails_its_own_checks_only(world: World) -> None:
    await _carriers(world, "ua")
    assert await world.why("ua", "gates") == "WITHIN_LIMIT"
    world.catalog.gate.away = True
    unknown, held = await _batch(world, ("ua", "nonsense"), ("ua", "gates"))
    assert unknown.failure.reason == "DEPENDENCY_UNAVAILABLE"
    assert reason(held.decision) == "WITHIN_LIMIT"


async def test_tokens_hold_for_every_pair(world: World) -> None:
    await _carriers(world, "ua", "aa")
    await _batch(world, ("ua", "gates"), ("aa", "gates"))
    tokens = [await world.commit("sub-ua", {"gates": "7"}, announced=False)]
    revision = world.metering.add("aa", "gates", "2", at=world.clock.now())
    tokens.append(Token(usage=revision).encode())
    ua, airports, aa = await _batch(world, ("ua", "gates"), ("ua", "airports"), ("aa", "gates"), tokens=tokens)
    assert (ua.decision.limit, ua.decision.usage) == ("7", "0")
    assert reason(airports.decision) == "INCLUDED"
    assert (aa.decision.limit, aa.decision.usage) == ("3", "2")


async def test_a_token_that_cannot_be_had_fails_its_customer_only(world: World) -> None:
    await _carriers(world, "ua", "aa")
    await _batch(world, ("ua", "gates"), ("aa", "gates"))
    token = Token.of(FactKind.CUSTOMER, "ua", revision=10**9).encode()
    ua, aa = await _batch(world, ("ua", "gates"), ("aa", "gates"), tokens=[token])
    assert ua.failure.reason == "DEPENDENCY_UNAVAILABLE"
    assert reason(aa.decision) == "WITHIN_LIMIT"


async def test_current_reads_everything_from_its_owners(world: World) -> None:
    await _carriers(world, "ua")
    await _batch(world, ("ua", "gates"))
    await world.commit("sub-ua", {"gates": "9"}, announced=False)
    world.metering.add("ua", "gates", "5", at=world.clock.now())
    (ua,) = await _batch(world, ("ua", "gates"), current=True)
    assert (ua.decision.limit, ua.decision.usage) == ("9", "5")
