"""What a customer may be, and what of it may change."""

from datetime import UTC, datetime

import pytest

from billing.domain.customer import (
    MUTABLE,
    CustomerSpec,
    check_customer,
    check_update,
    create_customer,
    update_customer,
)
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


def update_of(spec: CustomerSpec, *mask: str) -> tuple[str, ...]:
    return check_update(spec, mask, path="customer", mask_path="update_mask")


def test_a_mask() -> None:
    assert update_of(SPEC) == MUTABLE
    assert update_of(SPEC, "currency", "email", "currency") == ("email", "currency")


def test_an_update_is_told_all_its_mistakes_at_once() -> None:
    with pytest.raises(TollkeeperError) as refused:
        update_of(CustomerSpec("", "n" * 201, "e" * 321, "usd", None), "currency", "test_clock_id", "email")
    found = {violation.path: violation.message for violation in refused.value.violations}
    assert list(found) == ["customer.id", "update_mask", "customer.email", "customer.currency"]
    assert found["update_mask"] == f"may name {', '.join(MUTABLE)}, not 'test_clock_id'"


def test_what_the_mask_does_not_name_may_hold_anything() -> None:
    assert update_of(CustomerSpec("UA", "n" * 201, "", "usd", None), "email") == ("email",)
