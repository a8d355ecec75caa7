"""From a decision to a flag: its value, by OpenFeature's type rules; its reason; its metadata. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from openfeature.exception import TypeMismatchError
from openfeature.flag_evaluation import FlagValueType, Reason

from tollkeeper.client.decision import Decision, FeatureType

Structure = Sequence[FlagValueType] | Mapping[str, FlagValueType]


def integer_of(decision: Decision) -> int:
    """The number of a numeric feature.

    Raises:
        TypeMismatchError: It is of another type, or its number is not whole.
    """
    number = _number(decision)
    if number != number.to_integral_value():
        raise TypeMismatchError(f"{decision.feature_id} is {number}, which is not a whole number: ask for a float")
    return int(number)


def float_of(decision: Decision) -> float:
    """The number of a numeric feature.

    Raises:
        TypeMismatchError: It is of another type.
    """
    return float(_number(decision))


def string_of(decision: Decision) -> str:
    """The value of an enum feature.

    Raises:
        TypeMismatchError: It is of another type, or several values are granted.
    """
    values = _values(decision)
    if len(values) != 1:
        raise TypeMismatchError(f"{decision.feature_id} has {len(values)} values: ask for an object")
    return values[0]


def object_of(decision: Decision) -> Structure:
    """The values of an enum feature.

    Raises:
        TypeMismatchError: It is of another type.
    """
    return list(_values(decision))


def reason_of(decision: Decision) -> Reason:
    """Why a flag has its value: the customer's knowledge, which may be too old, or no knowledge yet."""
    if not decision.is_fallback:
        return Reason.TARGETING_MATCH
    return Reason.DEFAULT if decision.as_of is None else Reason.STALE


def metadata_of(decision: Decision) -> dict[str, bool | int | float | str]:
    """What else the decision says; numbers as `int` where they are whole, else as exact text."""
    source = decision.source
    known = {
        "reason": decision.reason.value,
        "explanation": decision.explanation,
        "limit": _exact(decision.limit),
        "unlimited": decision.unlimited or None,
        "soft_limit": decision.soft_limit or None,
        "usage": _exact(decision.usage),
        "reserved_usage": _exact(decision.reserved_usage),
        "remaining": _exact(decision.remaining),
        "next_reset_time": None if decision.next_reset_time is None else decision.next_reset_time.isoformat(),
        "as_of": None if decision.as_of is None else decision.as_of.isoformat(),
        "shadowed": decision.shadowed or None,
        "fallback": decision.is_fallback or None,
        "subscription_id": None if source is None else source.subscription_id or None,
        "plan_id": None if source is None else source.plan_id or None,
        "plan_version": None if source is None else source.plan_version or None,
        "promotional_grant_id": None if source is None else source.promotional_grant_id or None,
    }
    return {name: value for name, value in known.items() if value is not None}


def _number(decision: Decision) -> Decimal:
    if decision.feature_type is not FeatureType.NUMERIC or decision.numeric_value is None:
        raise _mismatch(decision, "a number")
    return decision.numeric_value


def _values(decision: Decision) -> tuple[str, ...]:
    if decision.feature_type is not FeatureType.ENUM:
        raise _mismatch(decision, "values")
    return decision.values


def _mismatch(decision: Decision, wanted: str) -> TypeMismatchError:
    kind = "unknown" if decision.feature_type is None else decision.feature_type.value.lower()
    return TypeMismatchError(f"{decision.feature_id} is a feature of the type {kind}: it has not {wanted}")


def _exact(number: Decimal | None) -> int | str | None:
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else format(number, "f")
