"""Why, as a sentence for people: exact numbers, the feature's own unit words."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from entitlements.domain.entitlement import Source
from entitlements.domain.feature import Feature, grouped
from kernel.quantity import EXACT, ZERO

_ONE: Final = Decimal(1)


def customer_unknown(customer_id: str) -> str:
    """No customer has this id."""
    return f"No customer has the id {customer_id}."


def no_active_subscription(customer_id: str) -> str:
    """Nothing gives access now."""
    return f"Customer {customer_id} has no subscription that gives access now."


def feature_unknown(feature_id: str) -> str:
    """No feature has this id."""
    return f"No feature has the id {feature_id}."


def not_included(customer_id: str, feature: Feature) -> str:
    """No subscription includes the feature."""
    return f"No subscription of customer {customer_id} includes {feature.display_name}."


def revoked(customer_id: str, feature: Feature) -> str:
    """The feature was taken from the customer."""
    return f"{feature.display_name} was revoked for customer {customer_id}."


def included(feature: Feature, source: Source) -> str:
    """A plan, or a promotional grant, includes a boolean feature."""
    if source.promotional_grant_id:
        return f"The promotional grant {source.promotional_grant_id} includes {feature.display_name}."
    return f"The plan {source.plan_id} includes {feature.display_name}."


def number_included(feature: Feature, number: Decimal) -> str:
    """As in: "History: 90 days are included."."""
    return f"{feature.display_name}: {grouped(number)} {feature.units(number)} {_is(number)} included."


def values_included(feature: Feature, values: Sequence[str]) -> str:
    """The granted values of an enum feature."""
    return f"{feature.display_name}: {_listed(values)} {_is(len(values))} included."


def value_not_granted(feature: Feature, missing: Sequence[str], granted: Sequence[str]) -> str:
    """A requested value is not among the granted ones."""
    return (
        f"{feature.display_name}: {_listed(missing)} {_is(len(missing))} not included; "
        f"{_listed(granted)} {_is(len(granted))}."
    )


def unlimited(feature: Feature, usage: Decimal) -> str:
    """As in: "12 departures are used; there is no limit."."""
    return f"{grouped(usage)} {feature.units(usage)} {_is(usage)} used; there is no limit."


def within_limit(feature: Feature, usage: Decimal, *, limit: Decimal, requested: Decimal) -> str:
    """As in: "2 of 3 gates are used; 1 more stays within the limit."."""
    used = _used(feature, usage, limit)
    return f"{used}; {grouped(requested)} more {_stays(requested)} within the limit." if requested else f"{used}."


def over_limit(feature: Feature, usage: Decimal, *, limit: Decimal, requested: Decimal, soft: bool) -> str:
    """As in: "2 of 3 gates are used; 2 more would pass the limit of 3 by 1."."""
    beyond = grouped(EXACT.subtract(EXACT.add(usage, requested), limit))
    used = _used(feature, usage, limit)
    if not requested:
        return f"{used}, {beyond} above the {'soft ' if soft else ''}limit."
    if soft:
        return f"{used}; {grouped(requested)} more {_passes(requested)} the soft limit of {grouped(limit)} by {beyond}, which is allowed."
    return f"{used}; {grouped(requested)} more would pass the limit of {grouped(limit)} by {beyond}."


def value_over_limit(
    feature: Feature, usage: Decimal, *, limit: Decimal, value: Decimal, reserved: Decimal = ZERO
) -> str:
    """As in: "2 of 3 gates are used; setting the usage to 5 would pass the limit of 3 by 2."."""
    beyond = grouped(EXACT.subtract(EXACT.add(value, reserved), limit))
    used = _used(feature, usage, limit)
    if reserved:
        return (
            f"{used}, {grouped(reserved)} of them reserved; setting the usage to {grouped(value)} beside these "
            f"would pass the limit of {grouped(limit)} by {beyond}."
        )
    return f"{used}; setting the usage to {grouped(value)} would pass the limit of {grouped(limit)} by {beyond}."


def resource_over_limit(feature: Feature, usage: Decimal, *, limit: Decimal, resource_id: str, value: Decimal) -> str:
    """As in: "2 of 3 gates are used; setting the usage of north to 5 would pass the limit of 3."."""
    used = _used(feature, usage, limit)
    return f"{used}; setting the usage of {resource_id} to {grouped(value)} would pass the limit of {grouped(limit)}."


def _used(feature: Feature, usage: Decimal, limit: Decimal) -> str:
    return f"{grouped(usage)} of {grouped(limit)} {feature.units(limit)} {_is(usage)} used"


def _is(quantity: Decimal | int) -> str:
    return "is" if quantity == _ONE else "are"


def _stays(quantity: Decimal) -> str:
    return "stays" if quantity == _ONE else "stay"


def _passes(quantity: Decimal) -> str:
    return "passes" if quantity == _ONE else "pass"


def _listed(values: Sequence[str]) -> str:
    """As in: "email", "chat and email", "chat, email and phone"."""
    return " and ".join([", ".join(values[:-1]), values[-1]] if len(values) > 1 else values)
