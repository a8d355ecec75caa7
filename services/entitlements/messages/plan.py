"""Published plan versions in the catalog's messages: what they grant; what they cost is not looked at."""

from decimal import Decimal

from entitlements.domain.plan import (
    BooleanGrant,
    CommittedGrant,
    EnumGrant,
    Grant,
    MeteredGrant,
    PlanVersion,
    Reset,
    ResetInterval,
)
from entitlements.messages.feature import feature_from_proto
from tollkeeper.catalog.v1 import charge_pb2, entitlement_pb2
from tollkeeper.catalog.v1 import plan_pb2 as pb

# A commitment without a minimum is at least one unit.
_LEAST = Decimal(1)


def plan_version_from_proto(message: pb.PlanVersion) -> PlanVersion:
    """What the version grants.

    Raises:
        ValueError: It grants something in a way that this version does not know.
    """
    included = [(entitlement.feature_id, _included(entitlement)) for entitlement in message.content.entitlements]
    sold = [(charge.feature_id, grant) for charge in message.content.charges if (grant := _sold(charge)) is not None]
    features = tuple(feature_from_proto(feature) for feature in message.features)
    return PlanVersion(message.plan_id, message.version, (*included, *sold), features)


def _included(entitlement: entitlement_pb2.Entitlement) -> Grant:
    match entitlement.WhichOneof("value"):
        case "boolean":
            return BooleanGrant()
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
    reset = _reset(charge.usage_reset) if charge.HasField("usage_reset") else None
    match charge.billing_model:
        case charge_pb2.BILLING_MODEL_PER_UNIT:
            return CommittedGrant(Decimal(charge.minimum_quantity) if charge.minimum_quantity else _LEAST, reset)
        case charge_pb2.BILLING_MODEL_USAGE_BASED:
            return MeteredGrant(None, soft=False, reset=reset or Reset(ResetInterval.BILLING_PERIOD))
        case _:
            return None


def _reset(reset: entitlement_pb2.UsageReset) -> Reset:
    name = entitlement_pb2.ResetInterval.Name(reset.interval).removeprefix("RESET_INTERVAL_")
    week_start = max(reset.week_start, entitlement_pb2.WEEKDAY_MONDAY) - entitlement_pb2.WEEKDAY_MONDAY
    return Reset(ResetInterval(name), reset.anchor == entitlement_pb2.RESET_ANCHOR_CALENDAR, week_start)
