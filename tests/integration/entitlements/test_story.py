"""The plain story: a customer subscribes, is checked, reports, and is refused at the limit."""

from tests.integration.entitlements.world import World, reason


async def test_a_customer_subscribes_uses_and_is_refused_at_the_limit(world: World) -> None:
    customer = await world.customer("united")
    provisioned = await world.subscribe("united", "carrier", commitments={"gates": "3"})
    decision = await world.check("united", "gates", tokens=[customer, provisioned])
    assert (decision.granted, reason(decision), decision.limit, decision.usage, decision.remaining) == (
        True,
        "WITHIN_LIMIT",
        "3",
        "0",
        "3",
    )
    assert decision.source.subscription_id == "sub-united"
    answer = await world.report("united", "gates", "2", enforce=True)
    assert (answer.written, answer.usage, answer.covered) == (True, "2", True)
    refusal = await world.report("united", "gates", "2", enforce=True)
    assert (refusal.written, refusal.usage, refusal.token) == (False, "2", "")
    assert refusal.decision.explanation == "2 of 3 gates are used; 2 more would pass the limit of 3 by 1."
    seen = await world.check("united", "gates", requested="2", tokens=[answer.token])
    assert (seen.granted, seen.usage) == (False, "2")
    assert seen.explanation == refusal.decision.explanation
