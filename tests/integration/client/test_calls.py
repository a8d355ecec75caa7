"""Calls: deadlines, retries, errors; the synchronous and the asynchronous client are one."""

import asyncio
import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import grpc
import pytest
from google.protobuf.message import Message

from kernel.errors import ErrorKind, FieldViolation, TollkeeperError, invalid
from kit.proto import timestamp_to_proto
from tests.integration.client.fakes import Fake
from tollkeeper.billing.v1.customer_service_pb2 import GetCustomerRequest
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.client import (
    CURRENT,
    FASTEST,
    AlreadyExistsError,
    AsyncTollkeeper,
    Check,
    DeadlineError,
    Decision,
    Enforcement,
    Event,
    InvalidRequestError,
    NotFoundError,
    Reason,
    ReservationRefusedError,
    Retries,
    Tollkeeper,
    UnavailableError,
)
from tollkeeper.client import errors as client_errors
from tollkeeper.common.v1.period_pb2 import Period
from tollkeeper.entitlements.v1 import decision_pb2
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb
from tollkeeper.metering.v1 import event_service_pb2

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 2, 1, tzinfo=UTC)
TOKEN = "tk1_a"  # noqa: S105 - it opens nothing.


def metered(**fields: object) -> decision_pb2.Decision:
    """A decision on gates."""
    return decision_pb2.Decision(
        granted=True,
        reason=decision_pb2.DECISION_REASON_WITHIN_LIMIT,
        explanation="2 of 3 gates are used; 1 more stays within the limit.",
        feature_id="gates",
        feature_type=decision_pb2.FEATURE_TYPE_METERED,
        limit="3",
        usage="2",
        remaining="1",
        usage_period=Period(start_time=timestamp_to_proto(START), end_time=timestamp_to_proto(END)),
        next_reset_time=timestamp_to_proto(END),
        as_of=timestamp_to_proto(START),
        source=decision_pb2.Source(subscription_id="sub", plan_id="carrier", plan_version=2),
        **fields,  # type: ignore[arg-type]  # as the message takes them.
    )


def written(token: str = TOKEN) -> pb.ReportUsageResponse:
    """A report that was written."""
    return pb.ReportUsageResponse(
        written=True, decision=metered(), usage="2", usage_period=metered().usage_period, token=token, written_value="1"
    )


def test_a_check_comes_back_as_plain_values(fake: Fake, tollkeeper: Tollkeeper) -> None:
    fake.answers["CheckEntitlement"] = lambda _: pb.CheckEntitlementResponse(decision=metered())
    decision = tollkeeper.entitlements.check("acme", "gates", requested_usage=Decimal("1.50"), requested_values=["a"])
    assert (decision.granted, decision.reason, decision.limit, decision.remaining) == (
        True,
        Reason.WITHIN_LIMIT,
        Decimal(3),
        Decimal(1),
    )
    assert decision.usage_period is not None
    assert (decision.usage_period.start, decision.next_reset_time, decision.as_of) == (START, END, START)
    assert decision.source is not None
    assert (decision.source.plan_id, decision.source.plan_version) == ("carrier", 2)
    assert bool(decision)
    (request,) = fake.asked["CheckEntitlement"]
    assert (request.requested_usage, list(request.requested_values)) == ("1.50", ["a"])
    assert not request.consistency.WhichOneof("requirement")


async def test_the_asynchronous_client_is_the_same(fake: Fake) -> None:
    fake.answers["CheckEntitlement"] = lambda _: pb.CheckEntitlementResponse(decision=metered())
    fake.answers["ReportUsage"] = lambda _: written()
    async with AsyncTollkeeper(entitlements=fake.address) as tollkeeper:
        report = await tollkeeper.entitlements.report_usage("acme", "gates", 1)
        decisions = await asyncio.gather(*(tollkeeper.entitlements.check("acme", "gates") for _ in range(20)))
    assert report.written
    assert all(decision == decisions[0] for decision in decisions)
    assert list(fake.asked["CheckEntitlement"][0].consistency.at_least_as_fresh.tokens) == [TOKEN]


def test_an_error_says_everything(fake: Fake, tollkeeper: Tollkeeper) -> None:
    refusal = invalid(FieldViolation("value", "must be a plain decimal number"))
    fake.answers["ReportUsage"] = lambda _: refusal
    with pytest.raises(InvalidRequestError) as caught:
        tollkeeper.entitlements.report_usage("acme", "gates", Decimal("NaN"))
    error = caught.value
    assert (error.reason, error.code, error.message) == ("INVALID_FIELD", "INVALID_ARGUMENT", refusal.message)
    assert error.violations == (client_errors.FieldViolation("value", "must be a plain decimal number"),)
    assert str(error).startswith("INVALID_FIELD: ")
    assert len(fake.asked["ReportUsage"]) == 1
    assert fake.asked["ReportUsage"][0].value == "NaN"


@pytest.mark.parametrize(
    ("kind", "expected"), [(ErrorKind.NOT_FOUND, NotFoundError), (ErrorKind.ALREADY_EXISTS, AlreadyExistsError)]
)
def test_each_kind_of_error_has_its_class(
    fake: Fake, tollkeeper: Tollkeeper, kind: ErrorKind, expected: type[Exception]
) -> None:
    fake.answers["ListEntitlements"] = lambda _: TollkeeperError(kind, "SOME_REASON", "Said.", metadata={"a": "b"})
    with pytest.raises(expected) as caught:
        tollkeeper.entitlements.list("acme")
    assert isinstance(caught.value, client_errors.TollkeeperError)
    assert (caught.value.reason, caught.value.metadata) == ("SOME_REASON", {"a": "b"})


def test_a_float_is_no_quantity(tollkeeper: Tollkeeper) -> None:
    with pytest.raises(TypeError, match="a quantity is a Decimal or an int"):
        tollkeeper.entitlements.report_usage("acme", "gates", 0.5)  # type: ignore[arg-type]  # that is the point.
    with pytest.raises(ValueError, match="needs its time zone"):
        tollkeeper.metering.report_events([Event("departed", "acme", timestamp=datetime(2026, 1, 1))])  # noqa: DTZ001 - that is the point.


def test_what_fails_for_a_moment_is_sent_again_with_the_same_key(fake: Fake, tollkeeper: Tollkeeper) -> None:
    passing: list[Message | TollkeeperError | grpc.StatusCode] = [
        grpc.StatusCode.UNAVAILABLE,
        TollkeeperError(ErrorKind.RESOURCE_EXHAUSTED, "OVERLOADED", "Busy."),
        TollkeeperError(ErrorKind.ABORTED, "CONCURRENT_CHANGE", "Again."),
        written(),
    ]
    answers: Iterator[Message | TollkeeperError | grpc.StatusCode] = iter(passing)
    fake.answers["ReportUsage"] = lambda _: next(answers)
    assert tollkeeper.entitlements.report_usage("acme", "gates", 1).written
    keys = {request.idempotency_key for request in fake.asked["ReportUsage"]}
    assert len(fake.asked["ReportUsage"]) == 4
    assert len(keys) == 1
    assert keys != {""}


def test_attempts_and_deadlines_are_bounded(fake: Fake) -> None:
    fake.answers["CheckEntitlement"] = lambda _: grpc.StatusCode.UNAVAILABLE
    quick = Retries(attempts=3, first_pause=0.001)
    with Tollkeeper(entitlements=fake.address, retries=quick, timeout=7) as tollkeeper:
        with pytest.raises(UnavailableError):
            tollkeeper.entitlements.check("acme", "gates")
        assert len(fake.asked["CheckEntitlement"]) == 3
        assert 6 < fake.deadlines[0] < 7.5
        answered = threading.Event()

        def late(_: object) -> Message:
            answered.wait(10)
            return pb.CheckEntitlementResponse()

        fake.answers["CheckEntitlement"] = late
        with pytest.raises(DeadlineError):
            tollkeeper.entitlements.check("acme", "gates", timeout=0.05)
        answered.set()


def test_a_refusal_is_not_sent_again(fake: Fake, tollkeeper: Tollkeeper) -> None:
    for kind, reason in [(ErrorKind.ABORTED, "ETAG_MISMATCH"), (ErrorKind.RESOURCE_EXHAUSTED, "TOO_MANY_GRANTS")]:
        fake.asked.clear()
        fake.answers["ReportUsage"] = lambda _, kind=kind, reason=reason: TollkeeperError(kind, reason, "No.")  # type: ignore[misc]  # bound now.
        with pytest.raises(client_errors.TollkeeperError):
            tollkeeper.entitlements.report_usage("acme", "gates", 1)
        assert len(fake.asked["ReportUsage"]) == 1


def test_what_was_written_is_in_later_answers(fake: Fake, tollkeeper: Tollkeeper) -> None:
    tokens = (f"tk1_{number}" for number in itertools.count())
    fake.answers["ReportUsage"] = lambda _: written(next(tokens))
    fake.answers["ReportEvents"] = lambda _: event_service_pb2.ReportEventsResponse(new_count=1, token=next(tokens))
    tollkeeper.entitlements.report_usage("acme", "gates", 1)
    tollkeeper.entitlements.report_usage("acme", "gates", 1)
    tollkeeper.metering.report_events([Event("departed", "acme"), Event("departed", "other")])
    tollkeeper.tokens.remember("acme", "tk1_billing")
    for consistency in (None, FASTEST, CURRENT):
        tollkeeper.entitlements.check("acme", "gates", consistency=consistency)
    tollkeeper.entitlements.list("other")
    tollkeeper.entitlements.check("stranger", "gates")
    mine, fastest, current, stranger = (request.consistency for request in fake.asked["CheckEntitlement"])
    assert list(mine.at_least_as_fresh.tokens) == ["tk1_2", "tk1_billing"]
    assert fastest.WhichOneof("requirement") is None
    assert current.current
    assert stranger.WhichOneof("requirement") is None
    assert list(fake.asked["ListEntitlements"][0].consistency.at_least_as_fresh.tokens) == ["tk1_2"]


def test_a_batch_travels_in_as_many_calls_as_its_tokens_need(fake: Fake, tollkeeper: Tollkeeper) -> None:
    for number in range(40):
        tollkeeper.tokens.remember(f"customer-{number}", f"tk1_{number}")

    def answer(request: pb.BatchCheckEntitlementsRequest) -> pb.BatchCheckEntitlementsResponse:
        assert len(request.consistency.at_least_as_fresh.tokens) <= 16
        failure = pb.EntitlementCheckResult(failure=pb.CheckFailure(reason="DEPENDENCY_UNAVAILABLE", message="Away."))
        results = [
            pb.EntitlementCheckResult(decision=decision_pb2.Decision(granted=True, feature_id=check.feature_id))
            for check in request.checks[1:]
        ]
        return pb.BatchCheckEntitlementsResponse(results=[failure, *results])

    fake.answers["BatchCheckEntitlements"] = answer
    checks = [Check(f"customer-{number}", f"feature-{number}") for number in range(45)]
    results = tollkeeper.entitlements.check_batch(checks)
    assert [len(request.checks) for request in fake.asked["BatchCheckEntitlements"]] == [16, 16, 13]
    assert [isinstance(result, Decision) for result in results] == [number not in (0, 16, 32) for number in range(45)]
    assert [result.feature_id for result in results if isinstance(result, Decision)] == [
        f"feature-{number}" for number in range(45) if number not in (0, 16, 32)
    ]
    assert not results[0]


def reserved() -> pb.ReserveUsageResponse:
    """Two are held."""
    return pb.ReserveUsageResponse(
        reserved=True, decision=metered(), reservation_id="r1", reserved_value="2", token=TOKEN
    )


def test_a_reservation_is_committed_at_the_end_of_its_block(fake: Fake, tollkeeper: Tollkeeper) -> None:
    fake.answers["ReserveUsage"] = lambda _: reserved()
    with tollkeeper.entitlements.reserve("acme", "gates", 2, ttl=timedelta(seconds=5)) as reservation:
        assert (reservation.id, reservation.reserved_value) == ("r1", Decimal(2))
        assert not fake.asked["CommitReservation"]
    assert fake.asked["ReserveUsage"][0].ttl.ToTimedelta() == timedelta(seconds=5)
    assert [(request.reservation_id, request.value) for request in fake.asked["CommitReservation"]] == [("r1", "")]
    with tollkeeper.entitlements.reserve("acme", "gates", 2) as reservation:
        reservation.commit(1)
    assert [request.value for request in fake.asked["CommitReservation"]] == ["", "1"]
    assert not fake.asked["ReleaseReservation"]


def test_a_reservation_is_released_by_an_exception(fake: Fake, tollkeeper: Tollkeeper) -> None:
    fake.answers["ReserveUsage"] = lambda _: reserved()
    with pytest.raises(ZeroDivisionError), tollkeeper.entitlements.reserve("acme", "gates", 2):
        raise ZeroDivisionError
    assert [request.reservation_id for request in fake.asked["ReleaseReservation"]] == ["r1"]
    assert not fake.asked["CommitReservation"]


async def test_a_block_of_what_was_not_reserved_is_not_entered(fake: Fake) -> None:
    refused = metered()
    refused.granted = False
    fake.answers["ReserveUsage"] = lambda _: pb.ReserveUsageResponse(decision=refused)
    async with AsyncTollkeeper(entitlements=fake.address) as tollkeeper:
        reservation = await tollkeeper.entitlements.reserve("acme", "gates", 9, enforcement=Enforcement.PARTIAL)
        assert not reservation.reserved
        with pytest.raises(ReservationRefusedError, match="2 of 3 gates"):
            async with reservation:
                pytest.fail("entered")
    assert not fake.asked["ReleaseReservation"]


def test_other_methods_go_the_same_way(fake: Fake, tollkeeper: Tollkeeper) -> None:
    customers = tollkeeper.stub(CustomerServiceStub)
    with pytest.raises(client_errors.TollkeeperError) as caught:
        tollkeeper.call(customers.GetCustomer, GetCustomerRequest(customer_id="acme"))
    assert caught.value.code == "UNIMPLEMENTED"


def test_one_name_or_several_ip_addresses(fake: Fake) -> None:
    other = Fake()
    other.start()
    for each in (fake, other):
        each.answers["CheckEntitlement"] = lambda _: pb.CheckEntitlementResponse(decision=metered())
    with Tollkeeper(entitlements=[fake.address, other.address]) as tollkeeper:
        # Both connections must stand before calls can take turns.
        while not (fake.asked["CheckEntitlement"] and other.asked["CheckEntitlement"]):
            tollkeeper.entitlements.check("acme", "gates")
        other.stop()
        for _ in range(20):
            assert tollkeeper.entitlements.check("acme", "gates").granted
    with pytest.raises(ValueError, match="each must be an IP address with its port"):
        Tollkeeper(entitlements=["one.example:1", "two.example:1"])
    with pytest.raises(ValueError, match="all of IPv4 or all of IPv6"):
        Tollkeeper(entitlements=["127.0.0.1:1", "[::1]:1"])
