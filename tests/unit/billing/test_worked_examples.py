"""Every worked example of the documents, as the invoice that a customer gets."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.domain.invoicing import draft_invoice
from kernel.pricing import PriceList
from tests.unit.billing.story import Story
from tests.unit.billing.terms import (
    GRADUATED,
    GRADUATED_WITH_FEES,
    PACKAGE,
    STAIR_STEP,
    VOLUME,
    VOLUME_WITH_FEES,
    committed,
    customer,
    plan,
)

NOW = datetime(2026, 4, 1, tzinfo=UTC)
EXAMPLES = [
    (model, quantity, amount)
    for model, amounts in (
        (GRADUATED, {"1": "20", "5": "100", "6": "115", "10": "175", "11": "185", "20": "275"}),
        (GRADUATED_WITH_FEES, {"1": "30", "5": "110", "6": "133", "10": "193", "11": "208", "20": "298"}),
        (VOLUME, {"1": "20", "5": "100", "6": "90", "10": "150", "11": "110", "20": "200"}),
        (VOLUME_WITH_FEES, {"1": "30", "5": "110", "6": "98", "10": "158", "11": "115", "20": "205"}),
        (PACKAGE, {"1": "5", "5": "5", "6": "5", "10": "5", "11": "5", "20": "5", "25": "5", "26": "10", "50": "10"}),
        (STAIR_STEP, {"20": "200"}),
    )
    for quantity, amount in amounts.items()
]


@pytest.mark.parametrize(("price_list", "quantity", "amount"), EXAMPLES)
def test_the_first_invoice_is_the_published_price(price_list: PriceList, quantity: str, amount: str) -> None:
    change = Story(plan(committed(price_list))).provision(NOW, {"gates": quantity})
    invoice = draft_invoice(change, customer(NOW), NOW)
    [line] = invoice.lines
    assert line.amount.amount == invoice.settlement.total.amount == Decimal(amount)
    assert sum(step.amount for step in line.derivation) == Decimal(amount)
    assert all(step.amount == step.quantity * step.unit_price for step in line.derivation)


def test_twenty_gates_are_explained_step_by_step() -> None:
    change = Story(plan(committed(GRADUATED_WITH_FEES))).provision(NOW, {"gates": "20"})
    [line] = change.lines
    assert [(step.description, int(step.amount)) for step in line.derivation] == [
        ("units 1–5", 100),
        ("flat fee of units 1–5", 10),
        ("units 6–10", 75),
        ("flat fee of units 6–10", 8),
        ("units 11–20", 100),
        ("flat fee of units 11 and above", 5),
    ]
