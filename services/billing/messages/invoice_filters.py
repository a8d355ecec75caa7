"""Which invoices a list is asked for."""

from datetime import datetime

from billing.domain.invoice import InvoiceState
from billing.domain.invoice_filters import InvoiceFilters
from kernel.errors import Mistakes
from kit.proto import timestamp_from_proto
from tollkeeper.billing.v1 import invoice_pb2
from tollkeeper.billing.v1 import invoice_service_pb2 as pb


def invoice_filters_from_proto(request: pb.ListInvoicesRequest) -> InvoiceFilters:
    """The filters of a list.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    states = _states(request, mistakes)
    from_time = _time(request, "finalized_from_time", mistakes)
    before_time = _time(request, "finalized_before_time", mistakes)
    mistakes.check()
    return InvoiceFilters(
        customer_id=request.customer_id,
        subscription_id=request.subscription_id,
        states=states,
        finalized_from=from_time,
        finalized_before=before_time,
    )


def _states(request: pb.ListInvoicesRequest, mistakes: Mistakes) -> tuple[InvoiceState, ...]:
    known = {invoice_pb2.InvoiceState.Value(f"INVOICE_STATE_{state}"): state for state in InvoiceState}
    asked = dict.fromkeys(request.states)
    if not asked.keys() <= known.keys():
        mistakes.add("states", f"must be among {', '.join(f'INVOICE_STATE_{state}' for state in InvoiceState)}")
        return ()
    if invoice_pb2.INVOICE_STATE_DRAFT in asked and len(asked) > 1:
        mistakes.add("states", "must be INVOICE_STATE_DRAFT alone, or without it: drafts are listed by themselves")
    return tuple(known[number] for number in sorted(asked))


def _time(request: pb.ListInvoicesRequest, name: str, mistakes: Mistakes) -> datetime | None:
    if not request.HasField(name):  # type: ignore[arg-type]  # one of the request's own fields.
        return None
    return mistakes.attempt(timestamp_from_proto, getattr(request, name), name)
