"""Which prices of a charge are well formed."""

from collections.abc import Iterable
from typing import Final

from catalog.domain.charge import MAX_PRICES, MAX_TIER_ENDS, TIERED, BillingModel, Charge, Price, TierPrice
from catalog.domain.choice import check_choice
from catalog.domain.number import check_number
from catalog.domain.text import check_count
from kernel.country import COUNTRIES, country
from kernel.errors import Mistakes
from kernel.money import CURRENCIES, currency
from kernel.period import BillingPeriod
from kernel.pricing import PricingModel

_PRICED_THING: Final = {
    PricingModel.FLAT_RATE: "the price of one unit",
    PricingModel.PACKAGE: "the price of one block",
}


def check_prices(charge: Charge, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a charge's prices."""
    check_count(charge.prices, f"{path}.prices", mistakes, least=1, most=MAX_PRICES)
    first: dict[object, int] = {}
    for number, price in enumerate(charge.prices):
        where = f"{path}.prices[{number}]"
        check_choice(price.billing_period, BillingPeriod, path=f"{where}.billing_period", mistakes=mistakes)
        mistakes.attempt(currency, price.currency, f"{where}.currency")
        if price.country:
            mistakes.attempt(country, price.country, f"{where}.country")
        if first.setdefault(price.key, number) != number and _is_known(price):
            mistakes.add(where, f"prices {_what_for(price)} again: prices[{first[price.key]}] does so")
        _check_amount(charge, price, path=where, mistakes=mistakes)
        _check_tiers(charge, price, path=f"{where}.tiers", mistakes=mistakes)
    _check_countries(charge, path, mistakes)


def _check_countries(charge: Charge, path: str, mistakes: Mistakes) -> None:
    everywhere = {(price.billing_period, price.currency) for price in charge.prices if not price.country}
    for number, price in enumerate(charge.prices):
        if price.country and (price.billing_period, price.currency) not in everywhere and _is_known(price):
            message = f"needs a price of {price.billing_period} in {price.currency} without a country beside it"
            mistakes.add(f"{path}.prices[{number}].country", f"{message}: for every other country")


def _is_known(price: Price) -> bool:
    """Whether all that the price is for could be read; while it could not, only that is the mistake."""
    place = not price.country or price.country in COUNTRIES
    return bool(price.billing_period) and price.currency in CURRENCIES and place


def _what_for(price: Price) -> str:
    place = f" for {price.country}" if price.country else ""
    return f"{price.billing_period} in {price.currency}{place}"


def _check_amount(charge: Charge, price: Price, *, path: str, mistakes: Mistakes) -> None:
    where = f"{path}.amount"
    if price.amount:
        check_number(price.amount, where, mistakes)
        if charge.pricing_model in TIERED and charge.billing_model is not BillingModel.FLAT_FEE:
            mistakes.add(where, f"must be left out: {charge.pricing_model} is priced by its tiers")
    elif charge.billing_model is BillingModel.FLAT_FEE:
        mistakes.add(where, "is required: the fee for one billing period")
    elif isinstance(charge.pricing_model, PricingModel) and charge.pricing_model in _PRICED_THING:
        mistakes.add(where, f"is required: {_PRICED_THING[charge.pricing_model]}")


def _check_tiers(charge: Charge, price: Price, *, path: str, mistakes: Mistakes) -> None:
    tiers = len(charge.tier_ends) + 1
    if charge.billing_model is BillingModel.FLAT_FEE or charge.pricing_model in _PRICED_THING:
        if price.tiers:
            mistakes.add(path, "must be left out: only GRADUATED, VOLUME and STAIR_STEP have tiers")
    elif charge.pricing_model in TIERED:
        if len(price.tiers) != tiers:
            ends = f"{len(charge.tier_ends)} tier_ends make {tiers} tiers, the last without an end"
            mistakes.add(path, f"must have {tiers} entries, not {len(price.tiers)}: {ends}")
    else:
        check_count(price.tiers, path, mistakes, least=0, most=MAX_TIER_ENDS + 1)
    for number, tier in enumerate(price.tiers):
        _check_tier(charge, tier, path=f"{path}[{number}]", mistakes=mistakes)


def _check_tier(charge: Charge, tier: TierPrice, *, path: str, mistakes: Mistakes) -> None:
    texts = {"unit_price": tier.unit_price, "flat_fee": tier.flat_fee, "total_price": tier.total_price}
    for name, text in texts.items():
        if text:
            check_number(text, f"{path}.{name}", mistakes)
    match None if charge.billing_model is BillingModel.FLAT_FEE else charge.pricing_model:
        case PricingModel.STAIR_STEP:
            message = "must be left out: STAIR_STEP has one total_price for the whole tier"
            _refuse(["unit_price", "flat_fee"], texts, message=message, path=path, mistakes=mistakes)
            _require("total_price", texts, path=path, mistakes=mistakes)
        case PricingModel.GRADUATED | PricingModel.VOLUME:
            message = f"must be left out: {charge.pricing_model} has a unit_price and a flat_fee"
            _refuse(["total_price"], texts, message=message, path=path, mistakes=mistakes)
            _require("unit_price", texts, path=path, mistakes=mistakes)
        case _:
            pass


def _refuse(names: Iterable[str], texts: dict[str, str], *, message: str, path: str, mistakes: Mistakes) -> None:
    for name in names:
        if texts[name]:
            mistakes.add(f"{path}.{name}", message)


def _require(name: str, texts: dict[str, str], *, path: str, mistakes: Mistakes) -> None:
    if not texts[name]:
        mistakes.add(f"{path}.{name}", "is required for this pricing model")
