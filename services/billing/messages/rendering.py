"""Which document an invoice is asked for as."""

from dataclasses import dataclass

from kernel.errors import Mistakes
from kernel.ids import check_id
from tollkeeper.billing.v1 import invoice_service_pb2 as pb

_OFFERED = {number: name for name, number in pb.DocumentFormat.items() if number != pb.DOCUMENT_FORMAT_UNSPECIFIED}


@dataclass(frozen=True, slots=True)
class Rendering:
    """An invoice in a format that is offered."""

    invoice_id: str
    format: pb.DocumentFormat.ValueType


def rendering_from_proto(request: pb.RenderInvoiceRequest) -> Rendering:
    """What is asked for.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.invoice_id, "invoice_id")
    if request.format not in _OFFERED:
        mistakes.add("format", f"must be one of {', '.join(_OFFERED.values())}")
    mistakes.check()
    return Rendering(request.invoice_id, request.format)
