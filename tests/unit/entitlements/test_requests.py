"""Requests: every mistake at once, by its path; what is left out has its default."""

from decimal import Decimal

import pytest

from entitlements.domain.request import Behavior, Enforcement, Freshness
from entitlements.messages.report import report_from_proto
from entitlements.messages.request import check_from_proto, list_from_proto
from kernel.errors import TollkeeperError
from kernel.token import Fact, FactKind, Token
from tollkeeper.common.v1 import update_behavior_pb2
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb

TOKENS = "consistency.at_least_as_fresh.tokens"


def consistency(*tokens: str) -> pb.Consistency:
    """At least as fresh as these."""
    return pb.Consistency(at_least_as_fresh=pb.AtLeastAsFresh(tokens=tokens))


def check(**fields: object) -> pb.CheckEntitlementRequest:
    """A good check, but for these fields."""
    good = {"customer_id": "c", "feature_id": "f"}
    return pb.CheckEntitlementRequest(**(good | fields))  # type: ignore[arg-type]  # the message's own.


def report(**fields: object) -> pb.ReportUsageRequest:
    """A good report, but for these fields."""
    good: dict[str, object] = {"customer_id": "c", "feature_id": "f", "value": "1", "idempotency_key": "k"}
    return pb.ReportUsageRequest(**(good | fields))  # type: ignore[arg-type]  # the message's own.


def test_the_defaults_of_a_check() -> None:
    checked, freshness = check_from_proto(check())
    assert (checked.requested, checked.values, freshness) == (Decimal(1), (), None)
    assert check_from_proto(check(consistency=pb.Consistency()))[1] is None


def test_the_defaults_of_a_report() -> None:
    reported = report_from_proto(report())
    assert (reported.behavior, reported.enforcement, reported.freshness) == (
        Behavior.DELTA,
        Enforcement.RECORD,
        None,
    )


def test_all_that_can_be_said() -> None:
    checked, freshness = check_from_proto(
        check(requested_usage="0", requested_values=["A"], consistency={"current": True})
    )
    assert (checked.requested, checked.values, freshness) == (Decimal(0), ("A",), Freshness(current=True))
    reported = report_from_proto(
        report(
            value="-1.5",
            update_behavior=update_behavior_pb2.UPDATE_BEHAVIOR_DELTA,
            enforcement=pb.ENFORCEMENT_ENFORCE,
            resource_id="north",
        )
    )
    assert (reported.value, reported.enforcement, reported.resource_id) == (
        Decimal("-1.5"),
        Enforcement.ENFORCE,
        "north",
    )


def test_tokens_are_joined_to_the_greatest_revision_of_each_thing_and_every_one_of_usage() -> None:
    customer = Fact(FactKind.CUSTOMER, "c", 5)
    older = Fact(FactKind.CUSTOMER, "c", 4)
    subscription = Fact(FactKind.SUBSCRIPTION, "s", 7)
    tokens = [Token(9, (customer,)), Token(12, (older, subscription))]
    _, freshness = check_from_proto(check(consistency=consistency(*(token.encode() for token in tokens))))
    assert freshness == Freshness(frozenset({9, 12}), {(FactKind.CUSTOMER, "c"): 5, (FactKind.SUBSCRIPTION, "s"): 7})


def test_sixteen_tokens_of_many_facts_are_not_too_many() -> None:
    tokens = [Token(0, tuple(Fact(FactKind.CUSTOMER, f"c{n}-{m}", 1) for m in range(60))).encode() for n in range(16)]
    _, freshness = check_from_proto(check(consistency=consistency(*tokens)))
    assert freshness is not None
    assert len(freshness.facts or {}) == 16 * 60


@pytest.mark.parametrize(
    ("request_", "paths"),
    [
        (pb.CheckEntitlementRequest(), ["customer_id", "feature_id"]),
        (check(customer_id="a b"), ["customer_id"]),
        (check(feature_id="x" * 129), ["feature_id"]),
        (check(requested_usage="-1"), ["requested_usage"]),
        (check(requested_usage="NaN"), ["requested_usage"]),
        (check(requested_usage="Infinity"), ["requested_usage"]),
        (check(requested_usage="1e3"), ["requested_usage"]),
        (check(requested_usage=" 1"), ["requested_usage"]),
        (check(requested_usage="1" * 19), ["requested_usage"]),
        (check(requested_usage="0." + "1" * 13), ["requested_usage"]),
        (check(requested_values=["A", "", "B\n"]), ["requested_values[1]", "requested_values[2]"]),
        (check(requested_values=["A"] * 101), ["requested_values"]),
        (check(consistency=consistency()), [TOKENS]),
        (check(consistency=consistency(*[Token(1).encode()] * 17)), [TOKENS]),
        (check(consistency={"current": False}), ["consistency.current"]),
        (check(customer_id="", consistency=consistency("x")), ["customer_id", f"{TOKENS}[0]"]),
    ],
)
def test_wrong_checks(request_: pb.CheckEntitlementRequest, paths: list[str]) -> None:
    with pytest.raises(TollkeeperError) as refused:
        check_from_proto(request_)
    assert [violation.path for violation in refused.value.violations] == paths
    assert refused.value.reason == "INVALID_FIELD"


@pytest.mark.parametrize(
    ("request_", "paths"),
    [
        (pb.ReportUsageRequest(), ["customer_id", "feature_id", "idempotency_key", "value"]),
        (report(value="x"), ["value"]),
        (report(value="-1", update_behavior=update_behavior_pb2.UPDATE_BEHAVIOR_SET), ["value"]),
        (report(idempotency_key="k" * 257), ["idempotency_key"]),
        (report(update_behavior=77), ["update_behavior"]),
        (report(enforcement=77, resource_id=" "), ["resource_id", "enforcement"]),
    ],
)
def test_wrong_reports(request_: pb.ReportUsageRequest, paths: list[str]) -> None:
    with pytest.raises(TollkeeperError) as refused:
        report_from_proto(request_)
    assert [violation.path for violation in refused.value.violations] == paths


def test_a_key_of_256_characters_is_counted_in_characters() -> None:
    assert len(report_from_proto(report(idempotency_key="é" * 256)).idempotency_key) == 256


def test_wrong_tokens_have_their_own_reason_and_are_named_one_by_one() -> None:
    good = Token(1).encode()
    with pytest.raises(TollkeeperError) as refused:
        list_from_proto(pb.ListEntitlementsRequest(customer_id="c", consistency=consistency("x", good, good[:-1], "")))
    assert refused.value.reason == "INVALID_TOKEN"
    assert [violation.path for violation in refused.value.violations] == [f"{TOKENS}[{n}]" for n in (0, 2, 3)]
