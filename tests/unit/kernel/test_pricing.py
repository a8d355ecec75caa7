"""The worked examples of the five pricing models, each boundary, and what a price list must look like."""

from decimal import Context, Decimal, localcontext

import pytest

from kernel.errors import FieldViolation
from kernel.pricing import (
    FlatRate,
    Graduated,
    Package,
    Priced,
    PriceList,
    PricingModel,
    StairStep,
    StairStepTier,
    Step,
    Tier,
    Volume,
    price,
    violations,
    whole_blocks,
)


def tier(up_to: str | None, unit_price: str, flat_fee: str = "0") -> Tier:
    return Tier(None if up_to is None else Decimal(up_to), Decimal(unit_price), Decimal(flat_fee))


def stair(up_to: str | None, tier_price: str) -> StairStepTier:
    return StairStepTier(None if up_to is None else Decimal(up_to), Decimal(tier_price))


PLAIN = (tier("5", "20"), tier("10", "15"), tier(None, "10"))
WITH_FEES = (tier("5", "20", "10"), tier("10", "15", "8"), tier(None, "10", "5"))
PACKAGE = Package(Decimal(25), Decimal(5))
STAIRS = StairStep((stair("5", "100"), stair("10", "150"), stair(None, "200")))


def amount(price_list: PriceList, quantity: str) -> Decimal:
    return price(price_list, Decimal(quantity)).amount


@pytest.mark.parametrize(
    ("quantity", "graduated", "graduated_with_fees", "volume", "volume_with_fee", "package"),
    [
        ("1", 20, 30, 20, 30, 5),
        ("5", 100, 110, 100, 110, 5),
        ("6", 115, 133, 90, 98, 5),
        ("10", 175, 193, 150, 158, 5),
        ("11", 185, 208, 110, 115, 5),
        ("20", 275, 298, 200, 205, 5),
    ],
)
def test_the_published_examples(
    quantity: str, *, graduated: int, graduated_with_fees: int, volume: int, volume_with_fee: int, package: int
) -> None:
    assert amount(Graduated(PLAIN), quantity) == graduated
    assert amount(Graduated(WITH_FEES), quantity) == graduated_with_fees
    assert amount(Volume(PLAIN), quantity) == volume
    assert amount(Volume(WITH_FEES), quantity) == volume_with_fee
    assert amount(PACKAGE, quantity) == package


@pytest.mark.parametrize(
    ("quantity", "cost"),
    [("0.1", 5), ("24", 5), ("25", 5), ("25.000000000001", 10), ("26", 10), ("50", 10), ("51", 15)],
)
def test_a_started_package_is_paid_whole(quantity: str, cost: int) -> None:
    assert amount(PACKAGE, quantity) == cost


@pytest.mark.parametrize(("quantity", "cost"), [("0.5", 100), ("5", 100), ("5.5", 150), ("10", 150), ("20", 200)])
def test_a_stair_step_has_one_price(quantity: str, cost: int) -> None:
    assert amount(STAIRS, quantity) == cost


@pytest.mark.parametrize(
    ("quantity", "graduated", "volume"),
    [
        ("0.5", "20", "20"),  # 0.5 × 20 + 10
        ("5", "110", "110"),
        ("5.000000000001", "118.000000000015", "83.000000000015"),
        ("5.5", "125.5", "90.5"),
        ("10", "193", "158"),
        ("10.25", "200.5", "107.5"),
    ],
)
def test_a_tier_begins_just_above_the_one_before(quantity: str, graduated: str, volume: str) -> None:
    assert amount(Graduated(WITH_FEES), quantity) == Decimal(graduated)
    assert amount(Volume(WITH_FEES), quantity) == Decimal(volume)


@pytest.mark.parametrize("quantity", ["0", "-0", "-0.1", "-20"])
@pytest.mark.parametrize(
    "price_list",
    [FlatRate(Decimal(3)), PACKAGE, Graduated(WITH_FEES), Volume(WITH_FEES), STAIRS],
    ids=lambda it: it.model,
)
def test_nothing_costs_nothing_and_reaches_no_tier(price_list: PriceList, quantity: str) -> None:
    assert price(price_list, Decimal(quantity)) == Priced(Decimal(0), ())


def test_a_flat_rate_is_a_product() -> None:
    assert amount(FlatRate(Decimal("0.000000000001")), "3") == Decimal("0.000000000003")
    assert amount(FlatRate(Decimal("19.99")), "2.5") == Decimal("49.975")


def test_amounts_are_exact_whatever_the_ambient_context() -> None:
    most = "999999999999999999.999999999999"
    with localcontext(Context(prec=3)):
        cost = amount(FlatRate(Decimal(most)), most)
        assert cost.as_integer_ratio() == (int("9" * 30) ** 2, 10**24)
        assert amount(Graduated(WITH_FEES), "123456.789") == Decimal("1234665.89")


@pytest.mark.parametrize(
    ("price_list", "quantity", "descriptions"),
    [
        (FlatRate(Decimal(3)), "1", ["1 unit"]),
        (FlatRate(Decimal(3)), "2.5", ["2.5 units"]),
        (PACKAGE, "20", ["1 package of 25"]),
        (PACKAGE, "50", ["2 packages of 25"]),
        (Graduated(PLAIN), "6", ["units 1–5", "unit 6"]),
        (Graduated(PLAIN), "5.5", ["units 1–5", "units above 5 up to 5.5"]),
        (
            Graduated(WITH_FEES),
            "20",
            [
                "units 1–5",
                "flat fee of units 1–5",
                "units 6–10",
                "flat fee of units 6–10",
                "units 11–20",
                "flat fee of units 11 and above",
            ],
        ),
        (
            Graduated((tier("0.5", "1"), tier(None, "2", "3"))),
            "0.7",
            ["units above 0 up to 0.5", "units above 0.5 up to 0.7", "flat fee of units above 0.5"],
        ),
        (Volume(WITH_FEES), "6", ["6 units at the price of units 6–10", "flat fee of units 6–10"]),
        (Volume(PLAIN), "20", ["20 units at the price of units 11 and above"]),
        (STAIRS, "7", ["one price for units 6–10"]),
    ],
)
def test_steps_can_be_followed(price_list: PriceList, quantity: str, descriptions: list[str]) -> None:
    assert [step.description for step in price(price_list, Decimal(quantity)).steps] == descriptions


def test_a_step_says_quantity_price_and_amount() -> None:
    steps = price(Graduated(WITH_FEES), Decimal(7)).steps
    assert steps[2:] == (
        Step("units 6–7", Decimal(2), Decimal(15), Decimal(30)),
        Step("flat fee of units 6–10", Decimal(1), Decimal(8), Decimal(8)),
    )


@pytest.mark.parametrize(
    ("quantity", "size", "blocks"),
    [
        ("26", "25", "50"),
        ("25", "25", "25"),
        ("1", "25", "25"),
        ("0", "25", "0"),
        ("-3", "25", "0"),
        ("1", "0.3", "1.2"),
    ],
)
def test_a_commitment_is_whole_blocks(quantity: str, size: str, blocks: str) -> None:
    assert whole_blocks(Decimal(quantity), Decimal(size)) == Decimal(blocks)


@pytest.mark.parametrize("size", ["0", "-1"])
def test_a_block_has_a_size(size: str) -> None:
    with pytest.raises(ValueError, match="above zero"):
        whole_blocks(Decimal(1), Decimal(size))


@pytest.mark.parametrize(
    "price_list",
    [FlatRate(Decimal(0)), PACKAGE, Graduated(WITH_FEES), Volume((tier(None, "0"),)), STAIRS],
    ids=lambda price_list: price_list.model,
)
def test_a_good_price_list_has_no_violations(price_list: PriceList) -> None:
    assert violations(price_list, "price") == []
    assert price_list.model in PricingModel


@pytest.mark.parametrize(
    ("price_list", "path", "mend"),
    [
        (FlatRate(Decimal(-1)), "p.unit_price", "zero or more"),
        (Package(Decimal(0), Decimal(1)), "p.block_size", "above zero"),
        (Package(Decimal(1), Decimal(-1)), "p.block_price", "zero or more"),
        (Graduated(()), "p.tiers", "at least one tier"),
        (Volume((tier("5", "1"),)), "p.tiers[0].up_to", "left out"),
        (Volume((tier(None, "1"), tier(None, "1"))), "p.tiers[0].up_to", "only the last tier has no end"),
        (Volume((tier("5", "1"), tier("5", "1"), tier(None, "1"))), "p.tiers[1].up_to", "above 5"),
        (Graduated((tier("5", "1"), tier("4.5", "1"), tier(None, "1"))), "p.tiers[1].up_to", "above 5"),
        (Graduated((tier("0", "1"), tier(None, "1"))), "p.tiers[0].up_to", "above 0"),
        (Graduated((tier("5", "1"), tier(None, "-1"))), "p.tiers[1].unit_price", "zero or more"),
        (Graduated((tier("5", "1", "-1"), tier(None, "1"))), "p.tiers[0].flat_fee", "zero or more"),
        (StairStep(()), "p.tiers", "at least one tier"),
        (StairStep((stair("5", "1"), stair(None, "-1"))), "p.tiers[1].tier_price", "zero or more"),
        (StairStep((stair("5", "1"),)), "p.tiers[0].up_to", "left out"),
    ],
)
def test_each_mistake_is_named(price_list: PriceList, path: str, mend: str) -> None:
    (violation,) = violations(price_list, "p")
    assert violation.path == path
    assert mend in violation.message


def test_all_mistakes_are_named_at_once() -> None:
    broken = Volume((tier("5", "-1"), tier("3", "1", "-2"), tier("7", "1")))
    assert [found.path for found in violations(broken, "p")] == [
        "p.tiers[1].up_to",
        "p.tiers[2].up_to",
        "p.tiers[0].unit_price",
        "p.tiers[1].flat_fee",
    ]
    assert isinstance(violations(broken, "p")[0], FieldViolation)


def test_an_unchecked_list_that_holds_no_quantity_is_loud() -> None:
    for unchecked in (Graduated((tier("5", "1"),)), Volume((tier("5", "1"),)), StairStep((stair("5", "1"),))):
        with pytest.raises(ValueError, match="no tier holds"):
            price(unchecked, Decimal(6))
