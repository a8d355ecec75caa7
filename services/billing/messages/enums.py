"""Enums in messages: the contract's names are the domain's with a prefix."""

from enum import StrEnum
from typing import Any, TypeVar

from kernel.errors import FieldViolation, invalid
from kernel.period import BillingPeriod
from tollkeeper.catalog.v1 import charge_pb2

E = TypeVar("E", bound=StrEnum)


def enum_to_proto(wrapper: Any, prefix: str, value: StrEnum) -> Any:
    """The contract's number of a domain value."""
    return wrapper.Value(f"{prefix}_{value}")


def billing_period_to_proto(value: BillingPeriod) -> charge_pb2.BillingPeriod.ValueType:
    """The contract's number of a billing period."""
    number: charge_pb2.BillingPeriod.ValueType = enum_to_proto(charge_pb2.BillingPeriod, "BILLING_PERIOD", value)
    return number


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
