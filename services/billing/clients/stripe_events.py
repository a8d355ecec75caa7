"""What Stripe says of a payment, in its answers and in its signed messages, as outcomes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import stripe

from billing.domain.collection import Canceled, Failed, Outcome, StillOpen, Succeeded, Unknown
from kernel.ids import ID_PATTERN

# Where a payment carries the id of its attempt.
ATTEMPT_KEY = "tollkeeper_attempt_id"
# Older messages are refused, so that one that was overheard cannot be played again for ever. Stripe signs each delivery anew.
TOLERANCE_SECONDS = 300

_ID = re.compile(ID_PATTERN)
_DECIDED = {"payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled"}


class ForgedEventError(Exception):
    """The message was not signed by Stripe for us, or too long ago, or is no event. The text is for whoever sent it."""


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """A message that tells how a payment of ours was decided."""

    event_id: str
    attempt_id: str
    outcome: Outcome


class StripeEvents:
    """Reads Stripe's messages to one endpoint, whose secret it knows."""

    def __init__(self, webhook_secret: str) -> None:
        self._secret = webhook_secret
        # Verifies only, and calls nobody: it needs no key.
        self._stripe = stripe.StripeClient("sk_none")

    def read(self, body: bytes, signature: str) -> PaymentEvent | None:
        """What the message tells of a payment of ours; None where it tells something else.

        Raises:
            ForgedEventError: See there.
        """
        try:
            event = self._stripe.construct_event(body, signature, self._secret, TOLERANCE_SECONDS)
        except stripe.SignatureVerificationError:
            raise ForgedEventError(
                "The signature does not fit the body and the endpoint's secret, or is older than five minutes."
            ) from None
        except (ValueError, AttributeError, TypeError):
            raise ForgedEventError("The body is not a Stripe event.") from None
        told = event.to_dict()
        intent = told.get("data", {}).get("object", {})
        attempt_id = attempt_of(intent)
        if told.get("type") not in _DECIDED or not attempt_id:
            return None
        return PaymentEvent(told["id"], attempt_id, _told(told["type"], intent))


def attempt_of(intent: Mapping[str, Any]) -> str:
    """The attempt that a payment belongs to; empty where it is not one of ours."""
    found = str((intent.get("metadata") or {}).get(ATTEMPT_KEY, ""))
    return found if _ID.fullmatch(found) else ""


def _told(event_type: str, intent: Mapping[str, Any]) -> Outcome:
    match event_type:
        case "payment_intent.succeeded":
            return Succeeded(intent["id"])
        case "payment_intent.canceled":
            return Canceled(intent["id"])
        case _:
            return _failure(intent)


def outcome_of(intent: Mapping[str, Any]) -> Outcome:
    """How a payment stands. Ours are confirmed when they are made, so one without a payment method left was refused."""
    payment_id = intent["id"]
    match intent["status"]:
        case "succeeded":
            return Succeeded(payment_id)
        case "canceled":
            return Canceled(payment_id)
        case "requires_payment_method":
            return _failure(intent)
        case "processing" | "requires_capture":
            return StillOpen(payment_id)
        case "requires_action" | "requires_confirmation":
            return StillOpen(payment_id, needs_customer=True)
        case _:
            return Unknown()


def _failure(intent: Mapping[str, Any]) -> Failed:
    error = intent.get("last_payment_error") or {}
    return Failed(intent["id"], error.get("code") or "payment_failed", error.get("message") or "The payment failed.")
