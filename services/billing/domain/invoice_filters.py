"""Which invoices a list is asked for."""

from dataclasses import dataclass
from datetime import datetime

from billing.domain.invoice import InvoiceState


@dataclass(frozen=True, slots=True)
class InvoiceFilters:
    """Which invoices are listed; what is empty or None lets all pass."""

    customer_id: str = ""
    subscription_id: str = ""
    states: tuple[InvoiceState, ...] = ()
    finalized_from: datetime | None = None
    finalized_before: datetime | None = None
