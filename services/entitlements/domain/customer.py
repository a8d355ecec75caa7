"""Customers and their clocks, as billing tells of them."""

from dataclasses import dataclass
from datetime import datetime


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
