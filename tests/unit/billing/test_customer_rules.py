"""What a customer may be, and what of it may change."""

from datetime import UTC, datetime

import pytest

from billing.domain.customer import CustomerSpec, check_customer, check_mask, create_customer, update_customer
from kernel.errors import TollkeeperError

SPEC = CustomerSpec("UA", "United", "ap@united.example", "USD", "2013")
CUSTOMER = create_customer(SPEC, datetime(2013, 1, 1, tzinfo=UTC), revision=1)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(TollkeeperError) as refused:
        check_customer(CustomerSpec("", "n" * 201, "e" * 321, "usd", "no clock"), "customer")
    assert [violation.path for violation in refused.value.violations] == [
        "customer.id",
        "customer.display_name",
        "customer.email",
        "customer.currency",
        "customer.test_clock_id",
    ]


def test_only_the_named_fields_change() -> None:
    other = CustomerSpec("UA", "United Air Lines", "new@united.example", "JPY", None)
    changed = update_customer(CUSTOMER, other, ("email",), revision=2)
    assert changed.spec == CustomerSpec("UA", "United", "new@united.example", "USD", "2013")
    assert changed.revision == 2
    assert update_customer(CUSTOMER, SPEC, ("email", "currency"), revision=2) is CUSTOMER


def test_a_mask() -> None:
    assert check_mask((), "update_mask") == ("display_name", "email", "currency")
    assert check_mask(("currency",), "update_mask") == ("currency",)
    with pytest.raises(TollkeeperError) as refused:
        check_mask(("currency", "test_clock_id"), "update_mask")
    assert "test_clock_id" in refused.value.violations[0].message
