"""What callers ask of a subscription that they have, read from their requests with every mistake at once."""

from datetime import datetime

from billing.domain.cancel import Cancellation, CancelTiming
from billing.domain.update import Timing, Update
from billing.messages.enums import billing_period_from_proto, trial_end_from_proto
from billing.messages.holding_parts import add_ons_from_proto, commitments_from_proto, coupon_ids_from_proto
from billing.messages.request_key import RequestKey, request_key
from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.ids import check_id
from kernel.text import check_text
from kit.proto import timestamp_from_proto
from tollkeeper.billing.v1 import subscription_service_pb2 as pb

_LONGEST_ETAG = 64


def update_from_proto(request: pb.UpdateSubscriptionRequest) -> tuple[Update, RequestKey | None]:
    """What of a subscription is to change.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.subscription_id, "subscription_id")
    if request.plan_id:
        mistakes.attempt(check_id, request.plan_id, "plan_id")
    billing_period = None
    if request.billing_period:
        billing_period = mistakes.attempt(billing_period_from_proto, request.billing_period, "billing_period")
    commitments = commitments_from_proto(request.commitments, mistakes)
    add_ons = add_ons_from_proto(request.add_ons, mistakes, least=0)
    applied = coupon_ids_from_proto(request.apply_coupon_ids, "apply_coupon_ids", mistakes)
    removed = coupon_ids_from_proto(request.remove_coupon_ids, "remove_coupon_ids", mistakes)
    trial_end = mistakes.attempt(trial_end_from_proto, request.trial_end_behavior, "trial_end_behavior")
    timing = mistakes.attempt(timing_from_proto, request.timing, "timing")
    mistakes.attempt(check_text, request.etag, "etag", limit=_LONGEST_ETAG)
    key = mistakes.attempt(request_key, request, request.request_id)
    mistakes.check()
    update = Update(
        subscription_id=request.subscription_id,
        plan_id=request.plan_id,
        latest_version=request.latest_version,
        billing_period=billing_period,
        commitments=commitments,
        add_ons=add_ons,
        timing=timing or Timing.AUTOMATIC,
        apply_coupon_ids=applied,
        remove_coupon_ids=removed,
        etag=request.etag,
        trial_end=trial_end,
        end_trial=request.end_trial,
    )
    return update, key


def commitments_update_from_proto(request: pb.UpdateCommitmentsRequest) -> tuple[Update, RequestKey | None]:
    """Which quantities are to be committed.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.subscription_id, "subscription_id")
    if not request.commitments:
        mistakes.add("commitments", "must name at least one feature with its new quantity")
    commitments = commitments_from_proto(request.commitments, mistakes)
    timing = mistakes.attempt(timing_from_proto, request.timing, "timing")
    mistakes.attempt(check_text, request.etag, "etag", limit=_LONGEST_ETAG)
    key = mistakes.attempt(request_key, request, request.request_id)
    mistakes.check()
    update = Update(
        subscription_id=request.subscription_id,
        commitments=commitments,
        timing=timing or Timing.AUTOMATIC,
        etag=request.etag,
    )
    return update, key


def cancellation_from_proto(request: pb.CancelSubscriptionRequest) -> tuple[Cancellation, RequestKey | None]:
    """When a subscription is to end.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.subscription_id, "subscription_id")
    timing = mistakes.attempt(_cancel_timing, request.timing, "timing") or CancelTiming.PERIOD_END
    cancel_time = _cancel_time(request, timing, mistakes)
    mistakes.attempt(check_text, request.etag, "etag", limit=_LONGEST_ETAG)
    key = mistakes.attempt(request_key, request, request.request_id)
    mistakes.check()
    asked = Cancellation(
        subscription_id=request.subscription_id,
        timing=timing,
        cancel_time=cancel_time,
        prorate=request.prorate,
        etag=request.etag,
    )
    return asked, key


def resumption_from_proto(request: pb.ResumeSubscriptionRequest) -> RequestKey | None:
    """The key of a request to resume.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.subscription_id, "subscription_id")
    mistakes.attempt(check_text, request.etag, "etag", limit=_LONGEST_ETAG)
    key = mistakes.attempt(request_key, request, request.request_id)
    mistakes.check()
    return key


def timing_from_proto(number: int, path: str) -> Timing:
    """When a change happens.

    Raises:
        TollkeeperError: `INVALID_FIELD` for a number that the contract does not know.
    """
    match number:
        case pb.CHANGE_TIMING_UNSPECIFIED:
            return Timing.AUTOMATIC
        case pb.CHANGE_TIMING_NOW:
            return Timing.NOW
        case pb.CHANGE_TIMING_PERIOD_END:
            return Timing.PERIOD_END
        case _:
            raise invalid(FieldViolation(path, "must be CHANGE_TIMING_NOW, CHANGE_TIMING_PERIOD_END, or left out"))


def migration_timing_from_proto(number: int, path: str) -> Timing:
    """When a migration happens; at the end of periods where the caller does not say.

    Raises:
        TollkeeperError: `INVALID_FIELD` for a number that the contract does not know.
    """
    timing = timing_from_proto(number, path)
    return Timing.PERIOD_END if timing is Timing.AUTOMATIC else timing


def _cancel_timing(number: int, path: str) -> CancelTiming:
    match number:
        case pb.CANCEL_TIMING_UNSPECIFIED | pb.CANCEL_TIMING_PERIOD_END:
            return CancelTiming.PERIOD_END
        case pb.CANCEL_TIMING_NOW:
            return CancelTiming.NOW
        case pb.CANCEL_TIMING_AT_TIME:
            return CancelTiming.AT_TIME
        case _:
            offered = "CANCEL_TIMING_PERIOD_END, CANCEL_TIMING_NOW, CANCEL_TIMING_AT_TIME, or left out"
            raise invalid(FieldViolation(path, f"must be {offered}"))


def _cancel_time(request: pb.CancelSubscriptionRequest, timing: CancelTiming, mistakes: Mistakes) -> datetime | None:
    given = request.HasField("cancel_time")
    if given != (timing is CancelTiming.AT_TIME):
        mistakes.add("cancel_time", "must be there for CANCEL_TIMING_AT_TIME, and for nothing else")
        return None
    return mistakes.attempt(timestamp_from_proto, request.cancel_time, "cancel_time") if given else None
