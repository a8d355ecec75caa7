"""Which charges and prices are well formed, and what they mean once their defaults are filled in."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from catalog.domain.charge import BillingModel, Charge, Price, TierPrice, settle_charge
from catalog.domain.charge_rules import check_charge
from catalog.domain.choice import UNKNOWN
from catalog.domain.usage_reset import BY_BILLING_PERIOD, ResetAnchor, ResetInterval, UsageReset
from kernel.period import BillingPeriod
from kernel.pricing import PricingModel
from tests.unit.catalog.samples import (
    FEATURES,
    FLAT_FEE,
    FLAT_RATE,
    GRADUATED,
    MONTHLY,
    PACKAGE,
    QUARTERLY,
    STAIR_STEP,
    VOLUME,
    YEARLY,
    mistakes_of,
    price,
)

PER_UNIT, USAGE_BASED = BillingModel.PER_UNIT, BillingModel.USAGE_BASED
WEEK, MONTH, YEAR = (UsageReset(interval) for interval in (ResetInterval.WEEK, ResetInterval.MONTH, ResetInterval.YEAR))
TOKENS = replace(FLAT_RATE, feature_id="tokens")
BLOCKS = replace(PACKAGE, billing_model=PER_UNIT)


def _paths(charge: Charge, offered: Iterable[BillingPeriod] = (MONTHLY,)) -> set[str]:
    return set(mistakes_of(check_charge, charge, FEATURES, offered=frozenset(offered), path="c"))


@pytest.mark.parametrize("charge", [FLAT_FEE, FLAT_RATE, PACKAGE, GRADUATED, VOLUME, STAIR_STEP, TOKENS, BLOCKS])
def test_well_formed_charges_have_no_mistakes(charge: Charge) -> None:
    assert _paths(charge) == set()


@pytest.mark.parametrize(
    ("charge", "paths"),
    [
        (replace(FLAT_RATE, id="a b"), {"c.id"}),
        (replace(FLAT_RATE, display_name="x" * 201), {"c.display_name"}),
        (replace(FLAT_RATE, billing_model=None), {"c.billing_model"}),
        (replace(FLAT_RATE, pricing_model=None), {"c.pricing_model"}),
        (replace(FLAT_RATE, pricing_model=UNKNOWN), {"c.pricing_model"}),
        (replace(FLAT_FEE, pricing_model=UNKNOWN), {"c.pricing_model"}),
        (replace(FLAT_FEE, pricing_model=PricingModel.FLAT_RATE), {"c.pricing_model"}),
        (replace(FLAT_FEE, feature_id="tokens"), {"c.feature_id"}),
        (replace(FLAT_RATE, feature_id=""), {"c.feature_id"}),
        (replace(FLAT_RATE, feature_id="nothing"), {"c.feature_id"}),
        (replace(FLAT_RATE, feature_id="sso"), {"c.feature_id"}),
        (replace(FLAT_RATE, feature_id="support"), {"c.feature_id"}),
        # Usage of what is held, not used up, cannot be billed; metered by events it can.
        (replace(FLAT_RATE, billing_model=USAGE_BASED), {"c.feature_id"}),
        (replace(FLAT_RATE, billing_model=USAGE_BASED, feature_id="storage"), set()),
        (replace(TOKENS, billing_model=USAGE_BASED), set()),
    ],
)
def test_what_is_sold_and_how(charge: Charge, paths: set[str]) -> None:
    assert _paths(charge) == paths


@pytest.mark.parametrize(
    ("charge", "paths"),
    [
        (replace(GRADUATED, tier_ends=("10", "5")), {"c.tier_ends[1]"}),
        (replace(GRADUATED, tier_ends=("5", "5.0")), {"c.tier_ends[1]"}),
        (replace(GRADUATED, tier_ends=("0", "5")), {"c.tier_ends[0]"}),
        (replace(GRADUATED, tier_ends=("-5", "5")), {"c.tier_ends[0]"}),
        (replace(GRADUATED, tier_ends=("many", "5")), {"c.tier_ends[0]"}),
        (replace(GRADUATED, tier_ends=("0.5", "0.75")), set()),
        (replace(GRADUATED, tier_ends=("5",)), {"c.prices[0].tiers"}),
        (replace(GRADUATED, tier_ends=("5", "10", "15")), {"c.prices[0].tiers"}),
        (replace(GRADUATED, tier_ends=(), prices=(Price(MONTHLY, "USD", tiers=(TierPrice("1"),)),)), set()),
        (replace(FLAT_RATE, tier_ends=("5",)), {"c.tier_ends"}),
        (replace(PACKAGE, tier_ends=("5",)), {"c.tier_ends"}),
        (replace(FLAT_FEE, tier_ends=("5",)), {"c.tier_ends"}),
        (replace(PACKAGE, block_size=""), {"c.block_size"}),
        (replace(PACKAGE, block_size="0"), {"c.block_size"}),
        (replace(PACKAGE, block_size="-25"), {"c.block_size"}),
        (replace(PACKAGE, block_size="0.5"), set()),
        (replace(FLAT_RATE, block_size="25"), {"c.block_size"}),
        (replace(GRADUATED, block_size="25"), {"c.block_size"}),
        (replace(FLAT_FEE, block_size="25"), {"c.block_size"}),
    ],
)
def test_tiers_and_blocks(charge: Charge, paths: set[str]) -> None:
    assert _paths(charge) == paths


def test_there_are_a_hundred_tiers_at_most() -> None:
    for ends, mistakes in ((99, set()), (100, {"c.tier_ends"})):
        prices = (Price(MONTHLY, "USD", tiers=(TierPrice("1"),) * (ends + 1)),)
        tier_ends = tuple(str(end + 1) for end in range(ends))
        assert _paths(replace(GRADUATED, tier_ends=tier_ends, prices=prices)) == mistakes


def _prices(charge: Charge, *prices: Price) -> Charge:
    return replace(charge, prices=prices)


def _tiers(charge: Charge, *tiers: TierPrice) -> Charge:
    return replace(charge, tier_ends=("5",), prices=(Price(MONTHLY, "USD", tiers=tiers),))


FULL = TierPrice("1", "2")
TOTAL = TierPrice(total_price="1")


@pytest.mark.parametrize(
    ("charge", "paths"),
    [
        (_prices(FLAT_RATE), {"c.prices"}),
        (_prices(FLAT_RATE, price(amount="0")), set()),
        (_prices(FLAT_RATE, price(amount="0.000000000001")), set()),
        (_prices(FLAT_RATE, price(amount="0.0000000000001")), {"c.prices[0].amount"}),
        (_prices(FLAT_RATE, price(amount="-1")), {"c.prices[0].amount"}),
        (_prices(FLAT_RATE, price(amount="1e3")), {"c.prices[0].amount"}),
        (_prices(FLAT_RATE, price(amount="NaN")), {"c.prices[0].amount"}),
        (_prices(FLAT_RATE, price()), {"c.prices[0].amount"}),
        (_prices(PACKAGE, price()), {"c.prices[0].amount"}),
        (_prices(FLAT_FEE, price()), {"c.prices[0].amount"}),
        (_prices(FLAT_RATE, price(None, amount="1")), {"c.prices[0].billing_period"}),
        (_prices(FLAT_RATE, price(currency="usd", amount="1")), {"c.prices[0].currency"}),
        (_prices(FLAT_RATE, price(currency="", amount="1")), {"c.prices[0].currency"}),
        (_prices(FLAT_RATE, price(currency="XAU", amount="1")), {"c.prices[0].currency"}),
        (_prices(FLAT_RATE, price(amount="1"), price(YEARLY, amount="1"), price(currency="JPY", amount="1")), set()),
        (_prices(FLAT_RATE, price(amount="1"), price(YEARLY, amount="1"), price(amount="2")), {"c.prices[2]"}),
        (_prices(FLAT_RATE, Price(MONTHLY, "USD", "1", (FULL,))), {"c.prices[0].tiers"}),
        (_prices(PACKAGE, Price(MONTHLY, "USD", "1", (FULL,))), {"c.prices[0].tiers"}),
        (_prices(FLAT_FEE, Price(MONTHLY, "USD", "1", (FULL,))), {"c.prices[0].tiers"}),
        (_tiers(GRADUATED, FULL, TierPrice("1")), set()),
        (_tiers(GRADUATED, FULL, TierPrice()), {"c.prices[0].tiers[1].unit_price"}),
        (_tiers(VOLUME, FULL, TierPrice("", "2")), {"c.prices[0].tiers[1].unit_price"}),
        (
            _tiers(VOLUME, FULL, TierPrice("-1", "-2")),
            {"c.prices[0].tiers[1].unit_price", "c.prices[0].tiers[1].flat_fee"},
        ),
        (_tiers(GRADUATED, FULL, replace(FULL, total_price="3")), {"c.prices[0].tiers[1].total_price"}),
        (_tiers(STAIR_STEP, TOTAL, TOTAL), set()),
        (_tiers(STAIR_STEP, TOTAL, TierPrice()), {"c.prices[0].tiers[1].total_price"}),
        (
            _tiers(STAIR_STEP, TOTAL, TierPrice("1", "2", "x")),
            {"c.prices[0].tiers[1].unit_price", "c.prices[0].tiers[1].flat_fee", "c.prices[0].tiers[1].total_price"},
        ),
        (_prices(GRADUATED, replace(GRADUATED.prices[0], amount="1")), {"c.prices[0].amount"}),
        (_prices(STAIR_STEP, price(amount="1")), {"c.prices[0].amount", "c.prices[0].tiers"}),
    ],
)
def test_prices(charge: Charge, paths: set[str]) -> None:
    assert _paths(charge) == paths


def test_there_are_a_thousand_prices_at_most() -> None:
    assert "c.prices" in _paths(_prices(FLAT_RATE, *[price(amount="1")] * 1_001))
    assert "c.prices" not in _paths(_prices(FLAT_RATE, *[price(amount="1")] * 200))


def _in(country: str, period: BillingPeriod | None = MONTHLY, currency: str = "USD") -> Price:
    return Price(period, currency, "2", country=country)


@pytest.mark.parametrize(
    ("prices", "paths"),
    [
        ((price(amount="1"), _in("DE"), _in("GB")), set()),
        ((_in("DE"), price(amount="1")), set()),
        ((price(amount="1"), _in("de")), {"c.prices[1].country"}),
        ((price(amount="1"), _in("UK"), _in("EU")), {"c.prices[1].country", "c.prices[2].country"}),
        ((price(amount="1"), _in("DE"), _in("DE")), {"c.prices[2]"}),
        # A price of a country stands beside one for all others, of its own period and currency.
        ((_in("DE"),), {"c.prices[0].country"}),
        ((price(amount="1"), _in("DE", YEARLY)), {"c.prices[1].country"}),
        ((price(amount="1"), _in("DE", currency="EUR")), {"c.prices[1].country"}),
        # What cannot be read is one mistake, not two.
        ((price(amount="1"), _in("DE", None)), {"c.prices[1].billing_period"}),
        ((price(amount="1"), _in("DE", currency="DM")), {"c.prices[1].currency"}),
        ((price(amount="1"), replace(_in("DE"), amount="-2")), {"c.prices[1].amount"}),
    ],
)
def test_prices_of_countries(prices: tuple[Price, ...], paths: set[str]) -> None:
    assert _paths(_prices(FLAT_RATE, *prices)) == paths


@pytest.mark.parametrize(
    ("charge", "minimum", "maximum", "paths"),
    [
        (FLAT_RATE, "", "", set()),
        (FLAT_RATE, "5", "5.0", set()),
        (FLAT_RATE, "5", "4.9", {"c.maximum_quantity"}),
        (FLAT_RATE, "0.5", "0.5", set()),
        # Without a minimum one unit is committed to at least.
        (FLAT_RATE, "", "1", set()),
        (FLAT_RATE, "", "0.5", {"c.maximum_quantity"}),
        (FLAT_RATE, "0", "", {"c.minimum_quantity"}),
        (FLAT_RATE, "-1", "0", {"c.minimum_quantity", "c.maximum_quantity"}),
        (FLAT_RATE, "x", "y", {"c.minimum_quantity", "c.maximum_quantity"}),
        (GRADUATED, "1", "50", set()),
        # Commitments are whole blocks of 25: the first is 25, the one for 26 is 50.
        (BLOCKS, "", "25", set()),
        (BLOCKS, "", "24", {"c.maximum_quantity"}),
        (BLOCKS, "26", "50", set()),
        (BLOCKS, "26", "49", {"c.maximum_quantity"}),
        (PACKAGE, "1", "", {"c.minimum_quantity"}),
        (FLAT_FEE, "", "1", {"c.maximum_quantity"}),
    ],
)
def test_quantities(charge: Charge, minimum: str, maximum: str, paths: set[str]) -> None:
    assert _paths(replace(charge, minimum_quantity=minimum, maximum_quantity=maximum)) == paths


@pytest.mark.parametrize(
    ("charge", "reset", "offered", "paths"),
    [
        (TOKENS, MONTH, (MONTHLY, QUARTERLY, YEARLY), set()),
        (TOKENS, BY_BILLING_PERIOD, (MONTHLY, QUARTERLY, YEARLY), set()),
        (TOKENS, UsageReset(ResetInterval.DAY, ResetAnchor.CALENDAR), (MONTHLY,), set()),
        (TOKENS, WEEK, (MONTHLY,), {"c.usage_reset.interval"}),
        (TOKENS, WEEK, (YEARLY,), {"c.usage_reset.interval"}),
        (TOKENS, YEAR, (YEARLY,), set()),
        (TOKENS, YEAR, (MONTHLY, YEARLY), {"c.usage_reset.interval"}),
        (TOKENS, UsageReset(None), (MONTHLY,), {"c.usage_reset.interval"}),
        (FLAT_RATE, MONTH, (MONTHLY,), {"c.usage_reset"}),
        (FLAT_FEE, MONTH, (MONTHLY,), {"c.usage_reset"}),
    ],
)
def test_resets(charge: Charge, reset: UsageReset, offered: Iterable[BillingPeriod], paths: set[str]) -> None:
    assert _paths(replace(charge, usage_reset=reset), offered) == paths


def test_numbers_are_canonical_and_defaults_are_filled_in() -> None:
    settled = settle_charge(replace(GRADUATED, tier_ends=("5.0", "+10"), maximum_quantity="050"), FEATURES["seats"])
    assert settled.tier_ends == ("5", "10")
    assert (settled.minimum_quantity, settled.maximum_quantity) == ("1", "50")
    assert settled.usage_reset is None
    plain = replace(GRADUATED, prices=(Price(MONTHLY, "USD", tiers=(TierPrice("1.50"),) * 3),))
    assert settle_charge(plain, None).prices[0].tiers[0] == TierPrice("1.5", "0")
    assert settle_charge(STAIR_STEP, None).prices[0].tiers[0] == TierPrice(total_price="100")
    assert settle_charge(FLAT_FEE, None).minimum_quantity == ""


@pytest.mark.parametrize(
    ("charge", "feature_id", "reset"),
    [
        (PACKAGE, "calls", BY_BILLING_PERIOD),
        (replace(PACKAGE, usage_reset=MONTH), "calls", UsageReset(ResetInterval.MONTH, ResetAnchor.SUBSCRIPTION_START)),
        (replace(PACKAGE, feature_id="storage"), "storage", None),
        (TOKENS, "tokens", None),
    ],
)
def test_usage_that_is_billed_resets_with_the_billing_period(
    charge: Charge, feature_id: str, reset: UsageReset | None
) -> None:
    assert settle_charge(charge, FEATURES[feature_id]).usage_reset == reset
