"""What callers ask to subscribe to, read from their requests with every mistake at once."""

from billing.domain.plan_terms import TrialEnd
from billing.domain.provision import Agreement, TrialAsked
from billing.messages.enums import billing_period_from_proto, trial_end_from_proto
from billing.messages.holding_parts import add_ons_from_proto, commitments_from_proto, coupon_ids_from_proto
from billing.messages.request_key import RequestKey, request_key
from kernel.country import country
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.money import currency
from kernel.recurrence import zone
from kit.proto import timestamp_from_proto
from tollkeeper.billing.v1 import subscription_service_pb2 as pb


def agreement_from_proto(request: pb.ProvisionSubscriptionRequest) -> tuple[Agreement, RequestKey | None]:
    """What is to be provisioned.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.customer_id, "customer_id")
    mistakes.attempt(check_id, request.plan_id, "plan_id")
    billing_period = mistakes.attempt(billing_period_from_proto, request.billing_period, "billing_period")
    commitments = commitments_from_proto(request.commitments, mistakes)
    add_ons = add_ons_from_proto(request.add_ons, mistakes, least=1)
    coupon_ids = coupon_ids_from_proto(request.coupon_ids, "coupon_ids", mistakes)
    time_zone = request.time_zone or "UTC"
    mistakes.attempt(zone, time_zone, "time_zone")
    if request.currency:
        mistakes.attempt(currency, request.currency, "currency")
    if request.country:
        mistakes.attempt(country, request.country, "country")
    for name in ("subscription_id", "resource_id"):
        if getattr(request, name):
            mistakes.attempt(check_id, getattr(request, name), name)
    start_time = None
    if request.HasField("start_time"):
        start_time = mistakes.attempt(timestamp_from_proto, request.start_time, "start_time")
    trial = _trial(request.trial, mistakes) if request.HasField("trial") else None
    key = mistakes.attempt(request_key, request, request.request_id)
    mistakes.check()
    assert billing_period is not None  # noqa: S101 - `check` has raised otherwise.
    agreement = Agreement(
        customer_id=request.customer_id,
        plan_id=request.plan_id,
        billing_period=billing_period,
        commitments=commitments,
        time_zone=time_zone,
        currency=request.currency or None,
        subscription_id=request.subscription_id,
        add_ons=add_ons,
        resource_id=request.resource_id,
        start_time=start_time,
        trial=trial,
        coupon_ids=coupon_ids,
        country=request.country or None,
    )
    return agreement, key


def _trial(message: pb.TrialOverride, mistakes: Mistakes) -> TrialAsked:
    end_time = None
    if message.HasField("end_time"):
        end_time = mistakes.attempt(timestamp_from_proto, message.end_time, "trial.end_time")
    end = mistakes.attempt(trial_end_from_proto, message.end_behavior, "trial.end_behavior")
    return TrialAsked(end_time, end or TrialEnd.CONVERT)
