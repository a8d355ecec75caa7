"""How an installation collects: its payment provider, and what happens to payments that fail."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from billing.domain.collection import CollectionTerms, FinalAction
from kit.settings import Address, ServiceSettings


def _days(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",")] if value.strip() else []
    if not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        raise ValueError("must be whole days with commas between, such as 1,3,5,7")
    return tuple(int(part) for part in parts)


def _schedule(days: tuple[int, ...]) -> tuple[int, ...]:
    return CollectionTerms(retry_days=days).retry_days


def _http(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// (or http://, for a stand-in on this machine)")
    return url


class CollectionSettings(ServiceSettings):
    """Without a secret key nobody is asked for money: invoices are open until they are marked paid."""

    # Nothing is demanded of the two secrets here: a refusal would print them.
    stripe_secret_key: Annotated[
        SecretStr, Field(description="Stripe's secret or restricted key, which makes Stripe the provider; empty: none")
    ] = SecretStr("")
    stripe_webhook_secret: Annotated[
        SecretStr, Field(description="The signing secret of the endpoint /webhooks/stripe; empty: it is not opened")
    ] = SecretStr("")
    stripe_api_base: Annotated[
        str, AfterValidator(_http), Field(description="Where Stripe is: https://api.stripe.com")
    ] = "https://api.stripe.com"
    webhook_listen: Annotated[Address, Field(description="Where to listen for Stripe's messages: 127.0.0.1:7414")] = (
        "127.0.0.1:7414"
    )
    payment_retry_days: Annotated[
        tuple[int, ...],
        NoDecode,
        BeforeValidator(_days),
        AfterValidator(_schedule),
        Field(description="Days after the first failure at which a payment is tried again: 1,3,5,7; empty: never"),
    ] = (1, 3, 5, 7)
    payment_final_action: Annotated[
        FinalAction, Field(description="What follows the last failure: " + ", ".join(FinalAction))
    ] = FinalAction.CANCEL_SUBSCRIPTION
    first_payment_hours: Annotated[
        int, Field(ge=1, le=1_440, description="How long a new subscription waits for its first payment, 1–1440")
    ] = 23
    collection_poll_seconds: Annotated[
        int, Field(ge=1, le=3_600, description="How often payments that are due are looked for, 1–3600")
    ] = 1

    @property
    def collection_terms(self) -> CollectionTerms:
        """The terms of collection."""
        return CollectionTerms(
            self.payment_retry_days, self.payment_final_action, timedelta(hours=self.first_payment_hours)
        )
