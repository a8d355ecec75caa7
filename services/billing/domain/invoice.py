"""An invoice: what one command charges, explained line by line, and how its total is settled."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from kernel.errors import TollkeeperError, not_found, precondition
from kernel.money import Money
from kernel.period import BillingPeriod, Period
from kernel.pricing import Step
from kernel.quantity import ZERO

# Kind, source, charge, and period number.
AccountKey: TypeAlias = tuple["LineType", str, str, int]


class InvoiceState(StrEnum):
    """Whether an invoice is paid."""

    DRAFT = "DRAFT"
    OPEN = "OPEN"
    PAID = "PAID"
    VOID = "VOID"
    UNCOLLECTIBLE = "UNCOLLECTIBLE"


class InvoiceReason(StrEnum):
    """What caused an invoice."""

    PROVISION = "PROVISION"
    COMMITMENT = "COMMITMENT"
    RENEWAL = "RENEWAL"
    FINAL = "FINAL"
    CHANGE = "CHANGE"
    TRIAL_END = "TRIAL_END"
    MANUAL = "MANUAL"


class LineType(StrEnum):
    """What kind of line it is."""

    FLAT_FEE = "FLAT_FEE"
    FLAT_FEE_PRORATION = "FLAT_FEE_PRORATION"
    COMMITMENT = "COMMITMENT"
    COMMITMENT_PRORATION = "COMMITMENT_PRORATION"
    ADD_ON = "ADD_ON"
    ADD_ON_PRORATION = "ADD_ON_PRORATION"
    USAGE = "USAGE"
    LATE_USAGE = "LATE_USAGE"
    MANUAL = "MANUAL"


# What was charged for usage; every other line of a subscription was charged in advance.
USAGE_TYPES = (LineType.USAGE, LineType.LATE_USAGE)


@dataclass(frozen=True, slots=True)
class ChargedPart:
    """The part of a period that a prorated line pays for, in exact time."""

    charged_microseconds: int
    period_microseconds: int


@dataclass(frozen=True, slots=True)
class Discount:
    """What a coupon took off: above zero; below zero on a line that gives money back."""

    coupon_id: str
    description: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Source:
    """Whose charge a line is, and what it was sold for: so that late usage is priced as its period was.

    Attributes:
        id: The plan or add-on.
        plan_id: The plan.
        plan_version: The version that was in force.
    """

    id: str
    plan_id: str
    plan_version: int
    billing_period: BillingPeriod


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line.

    Attributes:
        source: None on a line written by hand.
        period_number: The billing period that it belongs to: the account of a period is the lines that carry its number.
        period: The span of time that it pays for.
        previous_quantity: For a changed quantity or late usage.
        subtotal: Rounded once, to the minor unit; before coupons.
        derivation: The steps from quantity to subtotal.
        discounts: What coupons took off.
        part: For a prorated line.
        usage_revision: For usage: the revision of the window that was billed.
        taken_back: What credit notes took back of it, where that was asked for; zero or more.
    """

    type: LineType
    source: Source | None
    charge_id: str
    feature_id: str
    description: str
    quantity: Decimal
    period_number: int
    period: Period
    subtotal: Money
    derivation: tuple[Step, ...]
    discounts: tuple[Discount, ...] = ()
    previous_quantity: Decimal | None = None
    part: ChargedPart | None = None
    usage_revision: int | None = None
    taken_back: Decimal = ZERO

    @property
    def amount(self) -> Money:
        """What is charged: the subtotal less the discounts."""
        if not self.discounts:
            return self.subtotal
        return self.subtotal - Money.total((one.amount for one in self.discounts), self.subtotal.currency)

    @property
    def account(self) -> AccountKey:
        """Whose account it stands in: lines of one item in one period are priced together."""
        if self.type in USAGE_TYPES:
            return LineType.USAGE, self.feature_id, "", self.period_number
        kind = LineType(self.type.removesuffix("_PRORATION"))
        return kind, "" if self.source is None else self.source.id, self.charge_id, self.period_number


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a total is settled: the customer's credit is used first, and a negative total becomes credit.

    Attributes:
        total: The sum of the lines.
        credit_applied: How much credit was used.
        credit_granted: What became credit.
        amount_due: Total − credit applied; at least zero.
    """

    total: Money
    credit_applied: Money
    credit_granted: Money
    amount_due: Money

    @property
    def state(self) -> InvoiceState:
        """Of the invoice when it is finalized: `PAID` where nothing is due, else `OPEN`."""
        return InvoiceState.OPEN if self.amount_due.amount else InvoiceState.PAID

    @property
    def credit_change(self) -> Money:
        """What the settlement does to the customer's credit: above zero where it grants some."""
        return self.credit_granted - self.credit_applied


@dataclass(frozen=True, slots=True)
class BillTo:
    """Who is asked for the money, as it was when the invoice was finalized."""

    display_name: str
    email: str
    country: str


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as billing holds it.

    Attributes:
        number: Its place in the installation's one gapless sequence; None on a draft.
        subscription_id: None on one made by hand.
        period_number: The subscription's period that the invoice's command ended or changed.
        amount_paid: So far.
        amount_credited: What credit notes took off what was left to pay.
        finalize_time: None on a draft.
        next_attempt_time: When its payment is tried next by itself.
        close_time: When it became void or uncollectible.
    """

    id: str
    number: int | None
    customer_id: str
    subscription_id: str | None
    period_number: int
    reason: InvoiceReason
    lines: tuple[InvoiceLine, ...]
    settlement: Settlement
    state: InvoiceState
    bill_to: BillTo
    create_time: datetime
    finalize_time: datetime | None
    paid_time: datetime | None
    revision: int
    amount_paid: Money
    amount_credited: Money
    next_attempt_time: datetime | None = None
    close_time: datetime | None = None

    @property
    def subtotal(self) -> Money:
        """The sum of the lines before coupons."""
        return Money.total((line.subtotal for line in self.lines), self.settlement.total.currency)

    @property
    def discounts(self) -> tuple[Discount, ...]:
        """What each coupon took off, in the order they were taken; not what only went over from one line to another."""
        found: dict[str, Discount] = {}
        for one in (one for line in self.lines for one in line.discounts):
            before = found.get(one.coupon_id)
            found[one.coupon_id] = one if before is None else replace(before, amount=before.amount + one.amount)
        return tuple(one for one in found.values() if one.amount.amount)

    @property
    def amount_remaining(self) -> Money:
        """What is left to pay; zero once it is void."""
        if self.state is InvoiceState.VOID:
            return Money.zero(self.settlement.total.currency)
        return self.settlement.amount_due - self.amount_paid - self.amount_credited


def invoice_not_found(invoice_id: str) -> TollkeeperError:
    """The refusal of what needs an invoice that is not there."""
    return not_found("INVOICE_NOT_FOUND", f"No invoice has the id {invoice_id}.", invoice_id=invoice_id).at(
        "invoice_id"
    )


def settle(lines: Sequence[InvoiceLine], credit: Money) -> Settlement:
    """Settles the lines against the customer's credit, which is zero or more and tells the currency."""
    currency = credit.currency
    zero = Money.zero(currency)
    total = Money.total((line.amount for line in lines), currency)
    applied = Money(min(max(total.amount, zero.amount), credit.amount), currency)
    granted = -total if total.amount < 0 else zero
    due = zero if total.amount < 0 else total - applied
    return Settlement(total, applied, granted, due)


def finalize(draft: Invoice, now: datetime, *, number: int, revision: int) -> Invoice:
    """The draft, issued: `OPEN`, or `PAID` at once where nothing is due."""
    state = draft.settlement.state
    paid_time = now if state is InvoiceState.PAID else None
    return replace(draft, number=number, state=state, finalize_time=now, paid_time=paid_time, revision=revision)


def number_text(number: int) -> str:
    """The number as people read it: ``TK-000001``."""
    return f"TK-{number:06d}"


def mark_paid(invoice: Invoice, now: datetime, *, revision: int) -> Invoice:
    """The invoice with all that was left of it paid; itself where it is paid already.

    Raises:
        TollkeeperError: `INVOICE_NOT_OPEN` for a draft and for one that is void.
    """
    if invoice.state is InvoiceState.PAID:
        return invoice
    if invoice.state not in {InvoiceState.OPEN, InvoiceState.UNCOLLECTIBLE}:
        raise not_open(invoice)
    paid = invoice.amount_paid + invoice.amount_remaining
    return replace(
        invoice,
        state=InvoiceState.PAID,
        amount_paid=paid,
        paid_time=now,
        next_attempt_time=None,
        close_time=None,
        revision=revision,
    )


def not_open(invoice: Invoice) -> TollkeeperError:
    """The refusal of what needs an open invoice."""
    name = invoice.id if invoice.number is None else number_text(invoice.number)
    return precondition(
        "INVOICE_NOT_OPEN",
        f"The invoice {name} is {invoice.state.lower()}, not open.",
        invoice_id=invoice.id,
        state=invoice.state,
    ).at("invoice_id")
