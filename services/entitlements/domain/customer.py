"""Customers, their clocks and their subscriptions, as billing tells of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from kernel.period import BillingPeriod


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer.

    Attributes:
        test_clock_id: The test clock it lives by; empty: real time.
    """

    id: str
    test_clock_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class TestClock:
    """What time it is for the customers of a test clock."""

    __test__ = False  # Its name is the contract's word; pytest must not collect it.

    id: str
    time: datetime
    revision: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """A customer's agreement to a version of a plan.

    Attributes:
        commitments: The committed quantity by feature id.
        cancel_time: When a scheduled cancellation takes effect.
        end_time: When it ended.
        create_time: When it was provisioned, by the customer's clock: that clock shows no earlier time any more.
    """

    id: str
    customer_id: str
    plan_id: str
    plan_version: int
    billing_period: BillingPeriod
    time_zone: str
    start_time: datetime
    cancel_time: datetime | None
    end_time: datetime | None
    commitments: Mapping[str, Decimal]
    create_time: datetime
    revision: int

    @property
    def access_end(self) -> datetime | None:
        """When access ends by the customer's clock, whether or not any message arrives; None: it is not known to."""
        ends = [time for time in (self.cancel_time, self.end_time) if time is not None]
        return min(ends, default=None)

    def counts_like(self, other: "Subscription") -> bool:
        """Whether the usage periods of both are the same: those follow from the plan version and the start."""
        return self.terms == other.terms

    @property
    def terms(self) -> tuple[object, ...]:
        """What the usage periods follow from."""
        return (self.plan_id, self.plan_version, self.billing_period, self.time_zone, self.start_time)
