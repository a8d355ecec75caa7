"""Plans and their published versions in the catalog's messages: what they grant; what they cost is not looked at."""

from collections.abc import Iterator
from decimal import Decimal

from entitlements.domain.plan import (
    AddOnGrant,
    BooleanGrant,
    Carried,
    CommittedGrant,
    EnumGrant,
    Grant,
    MeteredGrant,
    NumericGrant,
    PlainGrant,
    PlanVersion,
    Reset,
    ResetInterval,
)
from entitlements.messages.feature import feature_from_proto
from tollkeeper.catalog.v1 import add_on_pb2, charge_pb2, entitlement_pb2
from tollkeeper.catalog.v1 import plan_pb2 as pb

# A commitment without a minimum is at least one unit.
_LEAST = Decimal(1)


def plan_version_from_proto(message: pb.PlanVersion) -> PlanVersion:
    """What the version grants.

    Raises:
        ValueError: It grants something in a way that this version does not know.
    """
    described = (*message.features, *(feature for add_on in message.add_ons for feature in add_on.features))
    return PlanVersion(
        plan_id=message.plan_id,
        version=message.version,
        included={item.feature_id: _included(item) for item in message.effective_entitlements},
        included_version=message.version,
        sold={charge.feature_id: grant for charge in message.content.charges if (grant := _sold(charge)) is not None},
        add_ons={add_on.add_on_id: tuple(_added(add_on.content)) for add_on in message.add_ons},
        features=tuple({feature.id: feature_from_proto(feature) for feature in described}.values()),
    )


def carried_from_proto(message: pb.Plan) -> Carried:
    """Which version's entitlements are carried, as the plan says."""
    return Carried(message.id, message.carried_version, message.revision)


def _added(content: add_on_pb2.AddOnContent) -> Iterator[AddOnGrant]:
    for item in content.entitlements:
        yield AddOnGrant(item.feature_id, _included(item), overrides=_overrides(item))
    for charge in content.charges:
        if charge.billing_model == charge_pb2.BILLING_MODEL_USAGE_BASED:
            yield AddOnGrant(charge.feature_id, _unlimited(charge), overrides=False)
        elif charge.billing_model != charge_pb2.BILLING_MODEL_FLAT_FEE:
            raise ValueError(f"the add-on's charge {charge.id} is of an unknown billing model")


def _overrides(entitlement: entitlement_pb2.Entitlement) -> bool:
    match entitlement.merge_behavior:
        case entitlement_pb2.MERGE_BEHAVIOR_OVERRIDE:
            return True
        case entitlement_pb2.MERGE_BEHAVIOR_INCREMENT | entitlement_pb2.MERGE_BEHAVIOR_UNSPECIFIED:
            return False
        case _:
            raise ValueError(f"the entitlement to {entitlement.feature_id} is merged in an unknown way")


def _included(entitlement: entitlement_pb2.Entitlement) -> PlainGrant:
    match entitlement.WhichOneof("value"):
        case "boolean":
            return BooleanGrant()
        case "numeric":
            return NumericGrant(Decimal(entitlement.numeric.value))
        case "enum":
            return EnumGrant(tuple(entitlement.enum.values))
        case "metered":
            return _metered(entitlement.metered)
        case None:
            raise ValueError(f"the entitlement to {entitlement.feature_id} is of an unknown type")


def _metered(metered: entitlement_pb2.MeteredEntitlement) -> MeteredGrant:
    reset = _reset(metered.usage_reset) if metered.HasField("usage_reset") else None
    match metered.WhichOneof("bound"):
        case "limit":
            return MeteredGrant(Decimal(metered.limit), metered.soft_limit, reset)
        case "unlimited":
            return MeteredGrant(None, soft=False, reset=reset)
        case None:
            raise ValueError("a metered entitlement has neither a limit nor is it unlimited")


def _sold(charge: charge_pb2.Charge) -> Grant | None:
    match charge.billing_model:
        case charge_pb2.BILLING_MODEL_PER_UNIT:
            reset = _reset(charge.usage_reset) if charge.HasField("usage_reset") else None
            return CommittedGrant(Decimal(charge.minimum_quantity) if charge.minimum_quantity else _LEAST, reset)
        case charge_pb2.BILLING_MODEL_USAGE_BASED:
            return _unlimited(charge)
        case charge_pb2.BILLING_MODEL_FLAT_FEE:
            return None
        case _:
            raise ValueError(f"the charge {charge.id} is of an unknown billing model")


def _unlimited(charge: charge_pb2.Charge) -> MeteredGrant:
    reset = _reset(charge.usage_reset) if charge.HasField("usage_reset") else Reset(ResetInterval.BILLING_PERIOD)
    return MeteredGrant(None, soft=False, reset=reset)


def _reset(reset: entitlement_pb2.UsageReset) -> Reset:
    name = entitlement_pb2.ResetInterval.Name(reset.interval).removeprefix("RESET_INTERVAL_")
    week_start = max(reset.week_start, entitlement_pb2.WEEKDAY_MONDAY) - entitlement_pb2.WEEKDAY_MONDAY
    return Reset(ResetInterval(name), reset.anchor == entitlement_pb2.RESET_ANCHOR_CALENDAR, week_start)
