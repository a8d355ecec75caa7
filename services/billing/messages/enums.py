"""Enums in messages: the contract's names are the domain's with a prefix."""

from enum import StrEnum
from typing import Any, TypeVar

from billing.domain.plan_terms import TrialEnd
from kernel.errors import FieldViolation, invalid
from kernel.period import BillingPeriod
from tollkeeper.catalog.v1 import charge_pb2, plan_pb2

E = TypeVar("E", bound=StrEnum)


def enum_to_proto(wrapper: Any, prefix: str, value: StrEnum) -> Any:
    """The contract's number of a domain value."""
    return wrapper.Value(f"{prefix}_{value}")


def billing_period_to_proto(value: BillingPeriod) -> charge_pb2.BillingPeriod.ValueType:
    """The contract's number of a billing period."""
    number: charge_pb2.BillingPeriod.ValueType = enum_to_proto(charge_pb2.BillingPeriod, "BILLING_PERIOD", value)
    return number


def trial_end_from_proto(number: int, path: str) -> TrialEnd | None:
    """What happens at the end of a trial; None where the caller does not say.

    Raises:
        TollkeeperError: `INVALID_FIELD` for a number that the contract does not know.
    """
    match number:
        case plan_pb2.TRIAL_END_BEHAVIOR_UNSPECIFIED:
            return None
        case plan_pb2.TRIAL_END_BEHAVIOR_CONVERT:
            return TrialEnd.CONVERT
        case plan_pb2.TRIAL_END_BEHAVIOR_EXPIRE:
            return TrialEnd.EXPIRE
        case _:
            message = "must be TRIAL_END_BEHAVIOR_CONVERT or TRIAL_END_BEHAVIOR_EXPIRE"
            raise invalid(FieldViolation(path, message))


def billing_period_from_proto(number: int, path: str) -> BillingPeriod:
    """The billing period of the contract's number.

    Raises:
        TollkeeperError: `INVALID_FIELD` for `UNSPECIFIED` and for numbers that the contract does not know.
    """
    names: dict[int, BillingPeriod] = {
        charge_pb2.BillingPeriod.Value(f"BILLING_PERIOD_{value}"): value for value in BillingPeriod
    }
    if number not in names:
        offered = ", ".join(f"BILLING_PERIOD_{value}" for value in BillingPeriod)
        raise invalid(FieldViolation(path, f"must be one of {offered}"))
    return names[number]
