"""A customer: somebody who subscribes, uses and pays."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from kernel.country import country
from kernel.errors import ErrorKind, Mistakes, TollkeeperError, not_found
from kernel.ids import check_id
from kernel.money import Money, currency
from kernel.text import check_text

# What an update may change, by its name in the contract.
MUTABLE = ("display_name", "email", "currency", "country", "collection_method")


class CollectionMethod(StrEnum):
    """How a customer's invoices are paid: outside Tollkeeper, or by the payment provider."""

    MANUAL = "MANUAL"
    AUTOMATIC = "AUTOMATIC"


@dataclass(frozen=True, slots=True)
class CustomerSpec:
    """What a vendor says of a customer.

    Attributes:
        currency: Of new subscriptions, an ISO 4217 code.
        test_clock_id: The clock that the customer lives by, for ever; None for real time.
    """

    id: str
    display_name: str
    email: str
    currency: str
    test_clock_id: str | None
    country: str = ""
    collection_method: CollectionMethod = CollectionMethod.MANUAL


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as billing holds it.

    Attributes:
        country: Of new subscriptions, ISO 3166-1; empty for none.
        payment_method_id: The provider's name for what is charged; empty for none.
        provider_customer_id: The provider's name for the customer; empty while it does not know it.
        credit: What earlier invoices with a negative total left over: above zero, one per currency, in order of codes.
    """

    id: str
    display_name: str
    email: str
    currency: str
    test_clock_id: str | None
    revision: int
    create_time: datetime
    credit: tuple[Money, ...] = ()
    country: str = ""
    collection_method: CollectionMethod = CollectionMethod.MANUAL
    payment_method_id: str = ""
    provider_customer_id: str = ""

    @property
    def automatic(self) -> bool:
        """Whether the payment provider is asked for its payments."""
        return self.collection_method is CollectionMethod.AUTOMATIC

    @property
    def etag(self) -> str:
        """Names this state."""
        return f"{self.revision:x}"

    @property
    def spec(self) -> CustomerSpec:
        """What the vendor said of it."""
        return CustomerSpec(
            id=self.id,
            display_name=self.display_name,
            email=self.email,
            currency=self.currency,
            test_clock_id=self.test_clock_id,
            country=self.country,
            collection_method=self.collection_method,
        )

    def credit_in(self, code: str) -> Money:
        """The credit in a currency, zero where there is none."""
        held = (money for money in self.credit if money.currency.code == code)
        return next(held, Money.zero(currency(code)))


def customer_not_found(customer_id: str) -> TollkeeperError:
    """The refusal of what needs a customer that is not there."""
    return not_found("CUSTOMER_NOT_FOUND", f"No customer has the id {customer_id}.", customer_id=customer_id).at(
        "customer_id"
    )


def check_customer(spec: CustomerSpec, path: str) -> None:
    """Refuses a malformed customer.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, spec.id, f"{path}.id")
    _check_fields(spec, MUTABLE, path=path, mistakes=mistakes)
    if spec.test_clock_id is not None:
        mistakes.attempt(check_id, spec.test_clock_id, f"{path}.test_clock_id")
    mistakes.check()


def check_update(spec: CustomerSpec, mask: tuple[str, ...], *, path: str, mask_path: str) -> tuple[str, ...]:
    """The fields to change; all that may be changed where the mask names none. Other fields may hold anything.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, spec.id, f"{path}.id")
    for name in mask:
        if name not in MUTABLE:
            mistakes.add(mask_path, f"may name {', '.join(MUTABLE)}, not {name[:100]!r}")
    named = tuple(name for name in MUTABLE if name in mask or not mask)
    _check_fields(spec, named, path=path, mistakes=mistakes)
    mistakes.check()
    return named


def _check_fields(spec: CustomerSpec, names: tuple[str, ...], *, path: str, mistakes: Mistakes) -> None:
    if "display_name" in names:
        mistakes.attempt(check_text, spec.display_name, f"{path}.display_name", limit=200)
    if "email" in names:
        mistakes.attempt(check_text, spec.email, f"{path}.email", limit=320)
    if "currency" in names:
        mistakes.attempt(currency, spec.currency, f"{path}.currency")
    if "country" in names and spec.country:
        mistakes.attempt(country, spec.country, f"{path}.country")


def create_customer(spec: CustomerSpec, now: datetime, *, revision: int) -> Customer:
    """A new customer without any credit."""
    return Customer(
        id=spec.id,
        display_name=spec.display_name,
        email=spec.email,
        currency=spec.currency,
        test_clock_id=spec.test_clock_id,
        revision=revision,
        create_time=now,
        country=spec.country,
        collection_method=spec.collection_method,
    )


def change_credit(customer: Customer, change: Money, *, revision: int) -> Customer:
    """The customer with more or less credit; itself where nothing changes.

    Raises:
        ValueError: More would be used than there is.
    """
    if not change.amount:
        return customer
    code = change.currency.code
    left = customer.credit_in(code) + change
    if left.amount < 0:
        raise ValueError("a credit balance is never negative")
    others = [money for money in customer.credit if money.currency.code != code]
    held = sorted([*others, *([left] if left.amount else [])], key=lambda money: money.currency.code)
    return replace(customer, credit=tuple(held), revision=revision)


def check_etag(customer: Customer, etag: str) -> None:
    """Refuses a change of a customer that is not as the caller knows it; an empty etag knows any.

    Raises:
        TollkeeperError: `ETAG_MISMATCH`.
    """
    if etag and etag != customer.etag:
        raise TollkeeperError(
            ErrorKind.ABORTED,
            "ETAG_MISMATCH",
            f"The customer {customer.id} was changed since you read it. Read it again and repeat the request.",
            metadata={"customer_id": customer.id},
        ).at("customer.etag")


def update_customer(customer: Customer, spec: CustomerSpec, mask: tuple[str, ...], *, revision: int) -> Customer:
    """The customer with the named fields changed; itself where nothing changes."""
    changed = replace(customer, **{name: getattr(spec, name) for name in mask})
    return customer if changed == customer else replace(changed, revision=revision)
