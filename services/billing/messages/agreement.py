"""What callers ask of a subscription, read from their requests with every mistake at once."""

from collections.abc import Sequence

from billing.domain.commitment import Commitment
from billing.domain.lifecycle import Agreement
from billing.messages.enums import billing_period_from_proto
from billing.messages.request_key import RequestKey, request_key
from billing.messages.subscription import commitments_from_proto
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.money import currency
from kernel.recurrence import zone
from tollkeeper.billing.v1 import subscription_pb2
from tollkeeper.billing.v1 import subscription_service_pb2 as pb

# A plan has at most as many charges.
_MOST_COMMITMENTS = 100


def agreement_from_proto(request: pb.ProvisionSubscriptionRequest) -> tuple[Agreement, RequestKey | None]:
    """What is to be provisioned.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.customer_id, "customer_id")
    mistakes.attempt(check_id, request.plan_id, "plan_id")
    billing_period = mistakes.attempt(billing_period_from_proto, request.billing_period, "billing_period")
    commitments = _commitments(request.commitments, mistakes)
    time_zone = request.time_zone or "UTC"
    mistakes.attempt(zone, time_zone, "time_zone")
    if request.currency:
        mistakes.attempt(currency, request.currency, "currency")
    if request.subscription_id:
        mistakes.attempt(check_id, request.subscription_id, "subscription_id")
    key = mistakes.attempt(request_key, request, request.request_id)
    mistakes.check()
    assert billing_period is not None  # noqa: S101 - `check` has raised otherwise.
    return (
        Agreement(
            customer_id=request.customer_id,
            plan_id=request.plan_id,
            billing_period=billing_period,
            commitments=commitments,
            time_zone=time_zone,
            currency=request.currency or None,
            subscription_id=request.subscription_id,
        ),
        key,
    )


def raise_from_proto(request: pb.UpdateCommitmentsRequest) -> tuple[tuple[Commitment, ...], RequestKey | None]:
    """Which quantities are to be committed.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.subscription_id, "subscription_id")
    if not request.commitments:
        mistakes.add("commitments", "must name at least one feature with its new quantity")
    commitments = _commitments(request.commitments, mistakes)
    key = mistakes.attempt(request_key, request, request.request_id)
    mistakes.check()
    return commitments, key


def _commitments(messages: Sequence[subscription_pb2.Commitment], mistakes: Mistakes) -> tuple[Commitment, ...]:
    if len(messages) > _MOST_COMMITMENTS:
        mistakes.add("commitments", f"must have at most {_MOST_COMMITMENTS} entries, not {len(messages):,}")
        return ()
    return commitments_from_proto(messages, mistakes)
