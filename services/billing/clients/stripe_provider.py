"""Stripe as the payment provider, through its official client.

A charge is one PaymentIntent, made and confirmed off-session in one request whose idempotency key is the attempt's id. Stripe
forgets keys after a day and replays even its own faults under them; what cannot be repeated is found by the attempt's id in
its metadata, in the list of the customer's payments, which is complete at once (its search is not).

Nothing of Stripe's errors but their codes is logged or passed on: their texts may hold parts of a key.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

import aiohttp
import stripe
import structlog
from stripe.params import CustomerCreateParams, PaymentIntentCreateParams, PaymentIntentListParams

from billing.clients.payment_provider import Charge, Payer
from billing.clients.stripe_amounts import NotChargeableError, minor_units
from billing.clients.stripe_events import ATTEMPT_KEY, attempt_of, outcome_of
from billing.domain.collection import Failed, Outcome, Unknown
from kernel.errors import ErrorKind, TollkeeperError, precondition
from kit import deadline

log = structlog.get_logger()

T = TypeVar("T")

# One try. Stripe answers most charges within two seconds, and some after twenty.
_TRY_SECONDS = 25.0
_CONNECT_SECONDS = 5.0
# Tries after the first, half a second to five apart and with the same idempotency key; the attempt is asked for again anyway.
_RETRIES = 2
# All tries of one call together, where the caller does not wait for a shorter time.
_CALL_SECONDS = 60.0
# Clocks of the two machines may differ by so much.
_CLOCK_SLACK = timedelta(hours=1)
# Payments of one customer that are looked through for an attempt: made within a day, a thousand are a fault of somebody else's.
_MOST_PAYMENTS = 1_000
_PAGE = 100

# Stripe answered, but not about the payment; or there was no answer.
_NO_ANSWER = (stripe.StripeError, aiohttp.ClientError, TimeoutError, OSError)


class StripeProvider:
    """Charges by Stripe; must be closed."""

    name = "stripe"

    def __init__(self, secret_key: str, *, api_base: str, retries: int = _RETRIES) -> None:
        timeout = aiohttp.ClientTimeout(total=_TRY_SECONDS, connect=_CONNECT_SECONDS)
        self._http = stripe.AIOHTTPClient(timeout=timeout)
        self._stripe = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base.rstrip("/")},
            http_client=self._http,
            max_network_retries=retries,
        ).v1

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the client does not annotate it.

    async def make_customer(self, payer: Payer) -> str:
        """See `PaymentProvider`."""
        told = f"{payer.customer_id}\n{payer.create_time.isoformat()}\n{payer.display_name}\n{payer.email}"
        key = f"customer-{hashlib.sha256(told.encode()).hexdigest()[:32]}"
        params: CustomerCreateParams = {
            "name": payer.display_name or payer.customer_id,
            "metadata": {"tollkeeper_customer_id": payer.customer_id},
        }
        if payer.email:
            params["email"] = payer.email
        made = await _said(lambda: self._stripe.customers.create_async(params, {"idempotency_key": key}))
        return made.id

    async def attach_payment_method(self, provider_customer_id: str, payment_method_id: str) -> str:
        """See `PaymentProvider`."""
        methods = self._stripe.payment_methods
        try:
            attached = await _said(lambda: methods.attach_async(payment_method_id, {"customer": provider_customer_id}))
        except TollkeeperError as refusal:
            # One that is attached already may be refused; it is as good where it is attached to this customer.
            if refusal.reason != "PAYMENT_METHOD_REFUSED":
                raise
            held = await self._stripe_method(payment_method_id)
            if held is None or held.customer != provider_customer_id:
                raise
            return held.id
        return attached.id

    async def _stripe_method(self, payment_method_id: str) -> stripe.PaymentMethod | None:
        try:
            return await _call(lambda: self._stripe.payment_methods.retrieve_async(payment_method_id))
        except _NO_ANSWER:
            return None

    async def charge(self, charge: Charge) -> Outcome:
        """See `PaymentProvider`."""
        try:
            amount = minor_units(charge.amount)
        except NotChargeableError as error:
            return Failed("", "amount_not_chargeable", str(error))
        params: PaymentIntentCreateParams = {
            "amount": amount,
            "currency": charge.amount.currency.code.lower(),
            "customer": charge.provider_customer_id,
            "payment_method": charge.payment_method_id,
            # Nobody is there to be sent to another page and back.
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "confirm": True,
            "off_session": True,
            "description": charge.description,
            "metadata": {
                ATTEMPT_KEY: charge.attempt_id,
                "tollkeeper_invoice_id": charge.invoice_id,
                "tollkeeper_customer_id": charge.customer_id,
            },
        }
        intents = self._stripe.payment_intents
        try:
            made = await _call(lambda: intents.create_async(params, {"idempotency_key": charge.attempt_id}))
        except (stripe.CardError, stripe.InvalidRequestError) as error:
            return _refusal(error)
        except _NO_ANSWER as error:
            return _unknown(error, attempt_id=charge.attempt_id)
        return outcome_of(made.to_dict())

    async def look_up(self, charge: Charge, payment_id: str) -> Outcome | None:
        """See `PaymentProvider`."""
        try:
            if payment_id:
                found = await _call(lambda: self._stripe.payment_intents.retrieve_async(payment_id))
                return outcome_of(found.to_dict())
            return await self._find(charge)
        except _NO_ANSWER as error:
            return _unknown(error, attempt_id=charge.attempt_id)

    async def _find(self, charge: Charge) -> Outcome | None:
        since = int((charge.first_ask_time - _CLOCK_SLACK).timestamp())
        asked: PaymentIntentListParams = {
            "customer": charge.provider_customer_id,
            "created": {"gte": since},
            "limit": _PAGE,
        }
        for _ in range(_MOST_PAYMENTS // _PAGE):
            page = await _call(partial(self._stripe.payment_intents.list_async, asked))
            for intent in page.data:
                if attempt_of(told := intent.to_dict()) == charge.attempt_id:
                    return outcome_of(told)
            if not page.has_more or not page.data:
                return None
            asked = {**asked, "starting_after": page.data[-1].id}
        log.error("payment_not_found_among_too_many", attempt_id=charge.attempt_id, looked_through=_MOST_PAYMENTS)
        return Unknown()

    async def cancel(self, payment_id: str) -> Outcome:
        """See `PaymentProvider`."""
        intents = self._stripe.payment_intents
        try:
            canceled = await _call(lambda: intents.cancel_async(payment_id))
            return outcome_of(canceled.to_dict())
        except stripe.InvalidRequestError:
            # It was decided before, or a bank is deciding.
            pass
        except _NO_ANSWER as error:
            return _unknown(error, payment_id=payment_id)
        try:
            stands = await _call(lambda: intents.retrieve_async(payment_id))
            return outcome_of(stands.to_dict())
        except _NO_ANSWER as error:
            return _unknown(error, payment_id=payment_id)


async def _call(request: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(deadline.remaining(_CALL_SECONDS)):
        return await request()


async def _said(request: Callable[[], Awaitable[T]]) -> T:
    """What Stripe says to a request that is not a charge; its refusals and its silence as our errors."""
    try:
        return await _call(request)
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        refused = _refusal(error)
        message = f"The payment provider refused: {refused.message}"
        raise precondition("PAYMENT_METHOD_REFUSED", message, failure_code=refused.code) from None
    except _NO_ANSWER as error:
        _unknown(error)
        message = "The payment provider cannot be reached. Retry with backoff."
        raise TollkeeperError(ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE", message) from None


def _refusal(error: stripe.CardError | stripe.InvalidRequestError) -> Failed:
    told = error.error
    intent = told.payment_intent if told is not None else None
    code = error.code or "invalid_request"
    return Failed(intent.id if intent is not None else "", code, error.user_message or "The payment was refused.")


def _unknown(error: Exception, **about: str) -> Unknown:
    status = error.http_status if isinstance(error, stripe.StripeError) else None
    request = error.request_id if isinstance(error, stripe.StripeError) else None
    what = {"error": type(error).__name__, "http_status": status, "stripe_request_id": request, **about}
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError | stripe.IdempotencyError):
        # Asking again will not help by itself: the key is wrong or may too little, or this is a fault of ours.
        log.error("stripe_refuses_us", **what)
    else:
        log.warning("stripe_gives_no_answer", **what)
    return Unknown()
