"""Whoever applies what a watch tells, whenever it is told, knows the state itself; and equal states have one name."""

from hypothesis import given
from hypothesis import strategies as st

from entitlements.commands.watched_customer import WatchedCustomer
from entitlements.domain.watched import customer_state, next_boundary
from tests.properties.entitlements.test_prepared_laws import RandomWorld, steps
from tollkeeper.entitlements.v1.entitlements_service_pb2 import WatchEntitlementsResponse
from tollkeeper.entitlements.v1.watched_entitlement_pb2 import CustomerEntitlements


class Follower:
    """A client that is told, sometimes."""

    def __init__(self) -> None:
        self.told = 0
        self.known = CustomerEntitlements()

    def follow(self, customer: WatchedCustomer) -> None:
        """Takes what there is to tell."""
        data = customer.news(self.told)
        self.told = customer.change
        if data is None:
            return
        message = WatchEntitlementsResponse.FromString(data)
        if message.WhichOneof("update") == "customer":
            self.known = message.customer
            return
        changes = message.changes
        held = {each.feature_id: each for each in self.known.entitlements}
        held |= {each.feature_id: each for each in changes.entitlements}
        for feature_id in changes.removed_feature_ids:
            del held[feature_id]
        self.known = CustomerEntitlements(
            customer_id=changes.customer_id,
            version=changes.version,
            absent_reason=changes.absent_reason,
            entitlements=[held[feature_id] for feature_id in sorted(held)],
        )


def _content(state: CustomerEntitlements) -> tuple[object, ...]:
    return state.version, state.absent_reason, [each.SerializeToString() for each in state.entitlements]


def _whole(customer: WatchedCustomer) -> CustomerEntitlements:
    return WatchEntitlementsResponse.FromString(customer.whole()).customer


@given(steps, st.lists(st.booleans(), min_size=25, max_size=25))
def test_a_stream_that_reads_now_and_then_knows_the_state(
    happens: list[tuple[str, int, int]], reads: list[bool]
) -> None:
    world, follower, customer = RandomWorld(), Follower(), WatchedCustomer("c")
    for step, is_read in zip(happens, reads, strict=False):
        world.step(*step)
        customer.take(customer_state(world.entry, world.now), None)
        if is_read:
            follower.follow(customer)
            assert _content(follower.known) == _content(_whole(customer))


@given(steps)
def test_a_state_has_one_name_whatever_came_before(happens: list[tuple[str, int, int]]) -> None:
    world, customer = RandomWorld(), WatchedCustomer("c")
    for step in happens:
        world.step(*step)
        known = (customer.version, customer.change)
        changed = customer.take(customer_state(world.entry, world.now), None)
        assert changed == ((customer.version, customer.change) != known)
        fresh = WatchedCustomer("c")
        fresh.take(customer_state(world.entry, world.now), None)
        assert fresh.version == customer.version
        assert _content(_whole(fresh)) == _content(_whole(customer))


@given(steps)
def test_between_two_boundaries_nothing_changes_by_itself(happens: list[tuple[str, int, int]]) -> None:
    world = RandomWorld()
    for step in happens:
        world.step(*step)
    customer = WatchedCustomer("c")
    customer.take(customer_state(world.entry, world.now), None)
    boundary = next_boundary(world.entry, world.now)
    until = boundary or world.now.replace(year=world.now.year + 100)
    for part in range(1, 8):
        between = world.now + (until - world.now) * part / 8
        assert not customer.take(customer_state(world.entry, between), None)
