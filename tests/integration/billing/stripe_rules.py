"""What Stripe's documentation says of test payment methods and of amounts, as the imitation keeps to it."""

from dataclasses import dataclass
from typing import Any

import stripe.params


@dataclass(slots=True)
class RefusalError(Exception):
    """An answer that is an error. One that was `executed` is kept under its idempotency key; bad parameters are not."""

    status: int
    type: str
    message: str
    code: str = ""
    intent: dict[str, Any] | None = None
    executed: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a test payment method does."""

    attach_refusal: str = ""
    charge_refusal: str = ""
    message: str = "Your card was declined."
    status: str = ""


SCENARIOS = {
    "pm_card_visa": Scenario(),
    # 4000 0000 0000 0002: declined when it is attached already.
    "pm_card_visa_chargeDeclined": Scenario(attach_refusal="card_declined"),
    # 4000 0000 0000 0341: attached, and declined when it is charged.
    "pm_card_chargeCustomerFail": Scenario(charge_refusal="card_declined"),
    # 4000 0027 6000 3184: wants 3-D Secure for every payment, which nobody is there to do.
    "pm_card_authenticationRequired": Scenario(
        charge_refusal="authentication_required",
        message="Your card was declined. This transaction requires authentication.",
    ),
    # A bank debit: it takes days.
    "pm_usBankAccount_success": Scenario(status="processing"),
    # A payment that waits for the customer.
    "pm_usBankAccount_microdeposits": Scenario(status="requires_action"),
}

_ZERO_DECIMAL = {
    "bif",
    "clp",
    "djf",
    "gnf",
    "jpy",
    "kmf",
    "krw",
    "mga",
    "pyg",
    "rwf",
    "vnd",
    "vuv",
    "xaf",
    "xof",
    "xpf",
}
_WHOLE_ONLY = {"isk", "ugx"}
_THREE_DECIMAL = {"bhd", "jod", "kwd", "omr", "tnd"}
_LEAST = {"usd": 50, "eur": 50, "jpy": 50, "gbp": 30}


def amount_mistake(amount: int, unit: str) -> tuple[str, str] | None:
    """Code and sentence of the refusal of an amount in minor units; None where it may be charged."""
    if amount < _LEAST.get(unit, 1):
        return "amount_too_small", f"Amount must be at least {_LEAST.get(unit, 1)} {unit}"
    if unit in _WHOLE_ONLY and amount % 100:
        return "invalid_charge_amount_no_decimal_compatible", "Invalid amount: must be evenly divisible by 100."
    if unit in _THREE_DECIMAL and amount % 10:
        return "parameter_invalid_integer", "Invalid amount: the last digit must be 0."
    if unit not in _ZERO_DECIMAL and unit in {"iqd", "lyd", "clf"}:
        return "parameter_invalid_string_currency", f"Invalid currency: {unit}"
    return None


# The official client's types come from Stripe's own specification.
_KNOWN = {
    "customers": stripe.params.CustomerCreateParams,
    "attach": stripe.params.PaymentMethodAttachParams,
    "payment_intents": stripe.params.PaymentIntentCreateParams,
    "cancel": stripe.params.PaymentIntentCancelParams,
}


def check_known(kind: str, params: dict[str, Any]) -> None:
    """Refuses an address that the imitation does not know, and parameters that Stripe does not."""
    if kind not in _KNOWN:
        raise RefusalError(404, "invalid_request_error", f"Unrecognized request URL ({kind}).")
    for name in params:
        if name not in _KNOWN[kind].__annotations__:
            message = f"Received unknown parameter: {name}"
            raise RefusalError(400, "invalid_request_error", message, code="parameter_unknown")


def known(things: dict[str, dict[str, Any]], thing_id: str, kind: str) -> dict[str, Any]:
    """The thing, or Stripe's 404."""
    if thing_id not in things:
        raise RefusalError(404, "invalid_request_error", f"No such {kind}: '{thing_id}'", code="resource_missing")
    return things[thing_id]
