"""What the catalog and billing tell, made in few words."""

from collections.abc import Mapping
from datetime import datetime

from kit.proto import timestamp_to_proto
from tollkeeper.billing.v1 import subscription_pb2
from tollkeeper.catalog.v1 import add_on_pb2, charge_pb2, feature_pb2, plan_pb2
from tollkeeper.common.v1 import period_pb2


def plan_version(
    plan_id: str,
    version: int,
    content: plan_pb2.PlanContent,
    *,
    features: Mapping[str, feature_pb2.Feature],
    add_ons: Mapping[str, add_on_pb2.AddOnContent],
) -> plan_pb2.PlanVersion:
    """A published version, without any base plan."""
    pinned = [
        add_on_pb2.AddOnVersion(add_on_id=name, version=1, content=added, features=_named(added, features))
        for name, added in add_ons.items()
    ]
    return plan_pb2.PlanVersion(
        plan_id=plan_id,
        version=version,
        content=content,
        features=_named(content, features),
        state=plan_pb2.PLAN_VERSION_STATE_PUBLISHED,
        effective_entitlements=content.entitlements,
        add_ons=pinned,
    )


def subscription(
    customer_id: str,
    plan_id: str,
    *,
    start: datetime,
    commitments: Mapping[str, str] | None = None,
    add_ons: Mapping[str, int] | None = None,
    **fields: object,
) -> subscription_pb2.Subscription:
    """A subscription to the first version, monthly, with access from its start on; `fields` are the message's own."""
    began = timestamp_to_proto(start)
    made = subscription_pb2.Subscription(
        id=f"sub-{customer_id}",
        customer_id=customer_id,
        plan_id=plan_id,
        plan_version=1,
        state=subscription_pb2.SUBSCRIPTION_STATE_ACTIVE,
        billing_period=charge_pb2.BILLING_PERIOD_MONTHLY,
        start_time=began,
        create_time=began,
        anchor_time=began,
        access_period=period_pb2.Period(start_time=began),
        commitments=commitments_of(commitments or {}),
        add_ons=add_ons_of(add_ons or {}),
    )
    made.MergeFrom(subscription_pb2.Subscription(**fields))  # type: ignore[arg-type]  # its fields.
    return made


def scheduled_change(
    held: subscription_pb2.Subscription,
    at: datetime,
    *,
    commitments: Mapping[str, str] | None = None,
    add_ons: Mapping[str, int] | None = None,
    **fields: object,
) -> subscription_pb2.ScheduledChange:
    """What is held from then on: what is held now but for what is given."""
    later = subscription_pb2.ScheduledChange(
        effective_time=timestamp_to_proto(at),
        plan_id=held.plan_id,
        plan_version=held.plan_version,
        billing_period=held.billing_period,
        commitments=held.commitments if commitments is None else commitments_of(commitments),
        add_ons=held.add_ons if add_ons is None else add_ons_of(add_ons),
        anchor_time=held.anchor_time,
    )
    later.MergeFrom(subscription_pb2.ScheduledChange(**fields))  # type: ignore[arg-type]  # its fields.
    return later


def commitments_of(quantities: Mapping[str, str]) -> list[subscription_pb2.Commitment]:
    """Committed quantities by feature."""
    return [subscription_pb2.Commitment(feature_id=feature, quantity=value) for feature, value in quantities.items()]


def add_ons_of(quantities: Mapping[str, int]) -> list[subscription_pb2.SubscriptionAddOn]:
    """Quantities by add-on."""
    return [subscription_pb2.SubscriptionAddOn(add_on_id=name, quantity=value) for name, value in quantities.items()]


def _named(
    content: plan_pb2.PlanContent | add_on_pb2.AddOnContent, features: Mapping[str, feature_pb2.Feature]
) -> list[feature_pb2.Feature]:
    granted = {entitlement.feature_id for entitlement in content.entitlements}
    named = granted | {charge.feature_id for charge in content.charges if charge.feature_id}
    return [features[feature_id] for feature_id in sorted(named)]
