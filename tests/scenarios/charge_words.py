"""What something costs, as a story says it: "commit gates, graduated up to 5 and 10" with a row of prices for each offer."""

import re
from collections.abc import Callable

from tests.scenarios.story import Line
from tests.scenarios.words import DECIMAL, NAME, clauses, constant, listed
from tollkeeper.catalog.v1.charge_pb2 import (
    BILLING_MODEL_FLAT_FEE,
    BILLING_MODEL_PER_UNIT,
    BILLING_MODEL_USAGE_BASED,
    PRICING_MODEL_FLAT_RATE,
    PRICING_MODEL_GRADUATED,
    PRICING_MODEL_PACKAGE,
    PRICING_MODEL_STAIR_STEP,
    PRICING_MODEL_VOLUME,
    BillingPeriod,
    Charge,
    Price,
)
from tollkeeper.catalog.v1.entitlement_pb2 import ResetInterval, UsageReset

_HEAD = re.compile(rf"(fee|commit|use) ({NAME})(?: as ({NAME}))?(?:, (.+))?")
_BILLING = {"fee": BILLING_MODEL_FLAT_FEE, "commit": BILLING_MODEL_PER_UNIT, "use": BILLING_MODEL_USAGE_BASED}
_TIERS = re.compile(r"(graduated|by volume|stair-step) up to (.+)")
_MODELS = {
    "graduated": PRICING_MODEL_GRADUATED,
    "by volume": PRICING_MODEL_VOLUME,
    "stair-step": PRICING_MODEL_STAIR_STEP,
}
_PRICE = re.compile(r"(monthly|quarterly|yearly) ([A-Z]{3})(?: in ([A-Z]{2}))?: (.+)")
_TIER = re.compile(rf"({DECIMAL})(?: \+ ({DECIMAL}))?")


def read_charge(line: Line, id_of: Callable[[str], str]) -> Charge:
    """A charge with its prices; its id is the name of what is sold, unless it says `as`."""
    said = _HEAD.fullmatch(line.text)
    if said is None:
        line.fail("is none of: trial, inherits, offers, includes, fee, commit, use")
    kind, name, alias, rest = said.groups()
    charge_id = alias or name
    charge = Charge(id=charge_id, billing_model=_BILLING[kind], display_name=charge_id.capitalize())
    if kind != "fee":
        charge.feature_id = id_of(name)
        charge.pricing_model = PRICING_MODEL_FLAT_RATE
    for clause in clauses(rest or ""):
        _clause(line, charge, clause)
    for child in line.children:
        charge.prices.append(_price(child, charge))
    return charge


def _clause(line: Line, charge: Charge, clause: str) -> None:
    if said := _TIERS.fullmatch(clause):
        charge.pricing_model = _MODELS[said[1]]
        charge.tier_ends.extend(listed(said[2]))
    elif said := re.fullmatch(rf"packages of ({DECIMAL})", clause):
        charge.pricing_model, charge.block_size = PRICING_MODEL_PACKAGE, said[1]
    elif said := re.fullmatch(rf"from ({DECIMAL})(?: to ({DECIMAL}))?", clause):
        charge.minimum_quantity, charge.maximum_quantity = said[1], said[2] or ""
    elif said := re.fullmatch(rf"up to ({DECIMAL})", clause):
        charge.maximum_quantity = said[1]
    elif clause != "flat rate":
        charge.usage_reset.CopyFrom(reset(line, clause))


def reset(line: Line, clause: str) -> UsageReset:
    """`every month`, `every billing period`."""
    said = re.fullmatch(r"every (hour|day|week|month|year|billing period)", clause)
    if said is None:
        line.fail(f"what does {clause!r} mean?")
    return UsageReset(interval=constant(ResetInterval, said[1]))  # type: ignore[arg-type]  # checked by name.


def _price(line: Line, charge: Charge) -> Price:
    """`monthly USD: 20 + 10, 15 + 8, 10 + 5`: for each tier the unit price and the flat fee, else one amount."""
    said = _PRICE.fullmatch(line.text)
    if said is None:
        line.fail('a price is "monthly USD: 20", "yearly EUR in DE: 20 + 10, 15 + 8, 10 + 5"')
    period, currency, country, amounts = said.groups()
    price = Price(billing_period=constant(BillingPeriod, period), currency=currency, country=country or "")  # type: ignore[arg-type]  # checked by name.
    if charge.pricing_model not in _MODELS.values():
        price.amount = amounts
        return price
    for amount in clauses(amounts):
        tier = _TIER.fullmatch(amount)
        if tier is None:
            line.fail(f"a tier's price is UNIT or UNIT + FEE, not {amount!r}")
        if charge.pricing_model == PRICING_MODEL_STAIR_STEP:
            price.tiers.add(total_price=tier[1])
        else:
            price.tiers.add(unit_price=tier[1], flat_fee=tier[2] or "")
    return price
