"""The client decides as the service does."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from entitlements.commands.watched_customer import WatchedCustomer
from entitlements.messages.decision import decision_to_proto
from tests.properties.client.lives import FEATURES, NOW, Life, lives, told, values, watched
from tollkeeper.client import Decision, Reason
from tollkeeper.client.decision import decision_from_proto
from tollkeeper.client.projection.deciding import Question, decide
from tollkeeper.client.projection.state import changed, state_from_proto

requests = st.just(Decimal(1)) | st.integers(0, 7).map(Decimal) | st.decimals(0, 9, places=3, allow_nan=False)
wishes = st.just(()) | values


def service(life: Life, feature_id: str, requested: Decimal, wanted: Sequence[str], *, hours: int = 0) -> Decision:
    """The service's decision, as its answer shows it."""
    now = NOW + timedelta(hours=hours)
    feature = life.features[feature_id]
    decided = life.entry.decide(feature_id, feature, requested=requested, values=wanted, now=now)
    return decision_from_proto(decision_to_proto(decided))


def without_type(decision: Decision) -> Decision:
    """A client does not know the type of a feature that the customer does not have, nor whether it exists."""
    return replace(decision, feature_type=None) if decision.source is None else decision


@settings(max_examples=150)
@given(lives(), requests, wishes)
def test_every_decision_is_the_services(life: Life, requested: Decimal, wanted: tuple[str, ...]) -> None:
    state = watched(life)
    for feature_id in FEATURES:
        mine = decide(state, Question(feature_id, requested, wanted, NOW))
        assert without_type(mine) == without_type(service(life, feature_id, requested, wanted))


@given(lives(), requests, wishes, st.integers(0, 800))
def test_what_passes_by_itself_passes_for_both(
    life: Life, requested: Decimal, wanted: tuple[str, ...], hours: int
) -> None:
    state = watched(life)
    for feature_id in FEATURES:
        mine = decide(state, Question(feature_id, requested, wanted, NOW + timedelta(hours=hours)))
        theirs = service(life, feature_id, requested, wanted, hours=hours)
        if mine.usage_period != theirs.usage_period:
            # The next period's bounds come with the next message; that it has begun is known.
            assert mine.usage == theirs.usage == 0
            assert mine.next_reset_time is None
            mine = replace(mine, usage_period=theirs.usage_period, next_reset_time=theirs.next_reset_time)
        assert without_type(mine) == without_type(theirs)


@given(st.lists(lives(), min_size=2, max_size=4))
def test_changes_lead_where_the_whole_state_does(many: list[Life]) -> None:
    customer = WatchedCustomer("c")
    customer.take(many[0].state(), NOW)
    known, number = state_from_proto(told(customer.whole()).customer), customer.change
    for life in many[1:]:
        customer.take(life.state(), NOW)
        news = customer.news(number)
        number = customer.change
        if news is not None:
            message = told(news)
            update = message.WhichOneof("update")
            known = state_from_proto(message.customer) if update == "customer" else changed(known, message.changes)
        whole = state_from_proto(told(customer.whole()).customer)
        assert (known.version, dict(known.entitlements)) == (whole.version, dict(whole.entitlements))
        assert (known.absent_reason, known.boundaries) == (whole.absent_reason, whole.boundaries)


@given(lives())
def test_between_two_boundaries_nothing_changes(life: Life) -> None:
    state = watched(life)
    end = state.next_boundary(NOW)
    if end is not None:
        for feature_id in FEATURES:
            early = decide(state, Question(feature_id, Decimal(1), (), NOW))
            late = decide(state, Question(feature_id, Decimal(1), (), end - timedelta(microseconds=1)))
            assert early == late


def test_the_laws_see_every_reason() -> None:
    """The random lives are not all alike."""
    seen: set[Reason] = set()

    @settings(max_examples=250)
    @given(lives(), requests, values)
    def look(life: Life, requested: Decimal, wanted: tuple[str, ...]) -> None:
        state = watched(life)
        seen.update(decide(state, Question(name, requested, wanted, NOW)).reason for name in FEATURES)

    look()
    assert seen == set(Reason) - {Reason.FEATURE_UNKNOWN, Reason.NOT_KNOWN, Reason.TOO_OLD, Reason.OTHER}
