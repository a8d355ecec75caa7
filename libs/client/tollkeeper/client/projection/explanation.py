"""Why, as a sentence for people: the service's own sentences, with the feature's id where they have its name."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tollkeeper.client.decision import Reason, Source
from tollkeeper.client.projection.state import Entitlement

_ONE: Final = Decimal(1)


def absent(reason: Reason, customer_id: str, feature_id: str) -> str:
    """No entitlement was found."""
    match reason:
        case Reason.CUSTOMER_UNKNOWN:
            return f"No customer has the id {customer_id}."
        case Reason.NO_ACTIVE_SUBSCRIPTION:
            return f"Customer {customer_id} has no subscription that gives access now."
        case _:
            return f"No subscription of customer {customer_id} includes {feature_id}."


def revoked(customer_id: str, feature_id: str) -> str:
    """The feature was taken from the customer."""
    return f"{feature_id} was revoked for customer {customer_id}."


def included(feature_id: str, source: Source) -> str:
    """A switch is on."""
    if source.promotional_grant_id:
        return f"The promotional grant {source.promotional_grant_id} includes {feature_id}."
    return f"The plan {source.plan_id} includes {feature_id}."


def number_included(entitlement: Entitlement, number: Decimal) -> str:
    """As in: "history: 90 days are included."."""
    return f"{entitlement.feature_id}: {_grouped(number)} {_units(entitlement, number)} {_is(number)} included."


def values_included(feature_id: str, values: Sequence[str]) -> str:
    """The granted values of an enum feature."""
    return f"{feature_id}: {_listed(values)} {_is(len(values))} included."


def value_not_granted(feature_id: str, missing: Sequence[str], granted: Sequence[str]) -> str:
    """A requested value is not among the granted ones."""
    return f"{feature_id}: {_listed(missing)} {_is(len(missing))} not included; {_listed(granted)} {_is(len(granted))}."


def unlimited(entitlement: Entitlement, usage: Decimal) -> str:
    """As in: "12 departures are used; there is no limit."."""
    return f"{_grouped(usage)} {_units(entitlement, usage)} {_is(usage)} used; there is no limit."


def within_limit(entitlement: Entitlement, usage: Decimal, *, limit: Decimal, requested: Decimal) -> str:
    """As in: "2 of 3 gates are used; 1 more stays within the limit."."""
    used = _used(entitlement, usage, limit)
    stays = "stays" if requested == _ONE else "stay"
    return f"{used}; {_grouped(requested)} more {stays} within the limit." if requested else f"{used}."


def over_limit(
    entitlement: Entitlement, usage: Decimal, *, limit: Decimal, requested: Decimal, beyond: Decimal, soft: bool
) -> str:
    """As in: "2 of 3 gates are used; 2 more would pass the limit of 3 by 1."."""
    used = _used(entitlement, usage, limit)
    more, by = _grouped(requested), _grouped(beyond)
    if not requested:
        return f"{used}, {by} above the {'soft ' if soft else ''}limit."
    if soft:
        passes = "passes" if requested == _ONE else "pass"
        return f"{used}; {more} more {passes} the soft limit of {_grouped(limit)} by {by}, which is allowed."
    return f"{used}; {more} more would pass the limit of {_grouped(limit)} by {by}."


def not_known(customer_id: str, *, granted: bool) -> str:
    """Nothing is known of the customer yet."""
    return f"Nothing is known of customer {customer_id} yet; the caller's fallback {_decides(granted=granted)}."


def too_old(customer_id: str, *, granted: bool) -> str:
    """What is known is too old."""
    return f"What is known of customer {customer_id} is too old; the caller's fallback {_decides(granted=granted)}."


def _decides(*, granted: bool) -> str:
    return "grants" if granted else "refuses"


def _used(entitlement: Entitlement, usage: Decimal, limit: Decimal) -> str:
    return f"{_grouped(usage)} of {_grouped(limit)} {_units(entitlement, limit)} {_is(usage)} used"


def _units(entitlement: Entitlement, quantity: Decimal) -> str:
    return entitlement.unit_singular if quantity == _ONE else entitlement.unit_plural


def _is(quantity: Decimal | int) -> str:
    return "is" if quantity == 1 else "are"


def _grouped(number: Decimal) -> str:
    text = f"{number:,f}"
    return text.rstrip("0").removesuffix(".") if "." in text else text


def _listed(values: Sequence[str]) -> str:
    return " and ".join([", ".join(values[:-1]), values[-1]] if len(values) > 1 else values)
