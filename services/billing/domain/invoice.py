"""An invoice: what one command charges, explained line by line, and how its total is settled."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from kernel.errors import TollkeeperError, not_found
from kernel.money import Money
from kernel.period import Period
from kernel.pricing import Step


class InvoiceState(StrEnum):
    """Whether an invoice is paid."""

    DRAFT = "DRAFT"
    OPEN = "OPEN"
    PAID = "PAID"


class InvoiceReason(StrEnum):
    """What caused an invoice."""

    PROVISION = "PROVISION"
    COMMITMENT = "COMMITMENT"
    RENEWAL = "RENEWAL"
    FINAL = "FINAL"


class LineType(StrEnum):
    """What kind of line it is."""

    FLAT_FEE = "FLAT_FEE"
    COMMITMENT = "COMMITMENT"
    COMMITMENT_PRORATION = "COMMITMENT_PRORATION"
    USAGE = "USAGE"
    LATE_USAGE = "LATE_USAGE"


# What a commitment was charged for in its period, and what usage was.
COMMITMENT_TYPES = (LineType.COMMITMENT, LineType.COMMITMENT_PRORATION)
USAGE_TYPES = (LineType.USAGE, LineType.LATE_USAGE)


@dataclass(frozen=True, slots=True)
class ChargedPart:
    """The part of a period that a prorated line pays for, in exact time."""

    charged_microseconds: int
    period_microseconds: int


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line.

    Attributes:
        period_number: The billing period that it belongs to: the account of a period is the lines that carry its number.
        period: The span of time that it pays for.
        previous_quantity: For a raised commitment or late usage.
        amount: Rounded once, to the minor unit.
        derivation: The steps from quantity to amount.
        part: For a prorated line.
        usage_revision: For usage: the revision of the window that was billed.
    """

    type: LineType
    charge_id: str
    feature_id: str
    description: str
    quantity: Decimal
    period_number: int
    period: Period
    amount: Money
    derivation: tuple[Step, ...]
    previous_quantity: Decimal | None = None
    part: ChargedPart | None = None
    usage_revision: int | None = None


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
class Invoice:
    """An invoice as billing holds it.

    Attributes:
        number: Its place in the installation's one gapless sequence; None on a preview.
        period_number: The subscription's period that the invoice's command ended or changed.
        finalize_time: None on a preview.
    """

    id: str
    number: int | None
    customer_id: str
    subscription_id: str
    period_number: int
    reason: InvoiceReason
    lines: tuple[InvoiceLine, ...]
    settlement: Settlement
    state: InvoiceState
    finalize_time: datetime | None
    paid_time: datetime | None
    revision: int


def invoice_not_found(invoice_id: str) -> TollkeeperError:
    """The refusal of what needs an invoice that is not there."""
    return not_found("INVOICE_NOT_FOUND", f"No invoice has the id {invoice_id}.", invoice_id=invoice_id)


def settle(lines: Sequence[InvoiceLine], credit: Money) -> Settlement:
    """Settles the lines against the customer's credit, which is zero or more and tells the currency."""
    currency = credit.currency
    zero = Money.zero(currency)
    total = Money.total((line.amount for line in lines), currency)
    applied = Money(min(max(total.amount, zero.amount), credit.amount), currency)
    granted = -total if total.amount < 0 else zero
    due = zero if total.amount < 0 else total - applied
    return Settlement(total, applied, granted, due)


def finalize(draft: Invoice, now: datetime, *, id: str, number: int, revision: int) -> Invoice:
    """The draft, issued: `OPEN`, or `PAID` at once where nothing is due."""
    state = draft.settlement.state
    paid_time = now if state is InvoiceState.PAID else None
    return replace(draft, id=id, number=number, state=state, finalize_time=now, paid_time=paid_time, revision=revision)


def number_text(number: int) -> str:
    """The number as people read it: ``TK-000001``."""
    return f"TK-{number:06d}"


def mark_paid(invoice: Invoice, now: datetime, *, revision: int) -> Invoice:
    """The invoice, paid; itself where it is paid already."""
    if invoice.state is InvoiceState.PAID:
        return invoice
    return replace(invoice, state=InvoiceState.PAID, paid_time=now, revision=revision)
