"""Credit notes in messages."""

from collections.abc import Sequence

from billing.domain.credit_note import MOST_LINES, CorrectedLine, Correction, CreditNote, note_number_text
from billing.domain.invoice import number_text
from billing.messages.request_key import RequestKey, request_key
from billing.messages.values import money_above_zero, required_text
from kernel.errors import Mistakes
from kernel.ids import check_id
from kit.proto import money_to_proto, timestamp_to_proto
from tollkeeper.billing.v1 import credit_note_pb2
from tollkeeper.billing.v1 import invoice_service_pb2 as pb

_LONGEST_DESCRIPTION = 500


def credit_note_to_proto(note: CreditNote) -> credit_note_pb2.CreditNote:
    """A credit note as the contract shows it; a preview has no number."""
    return credit_note_pb2.CreditNote(
        id=note.id,
        number="" if note.number is None else note_number_text(note.number),
        customer_id=note.customer_id,
        invoice_id=note.invoice_id,
        invoice_number=number_text(note.invoice_number),
        lines=[
            credit_note_pb2.CreditNoteLine(
                line_index=line.index, amount=money_to_proto(line.amount), description=line.description
            )
            for line in note.lines
        ],
        total=money_to_proto(note.total),
        amount_off_remaining=money_to_proto(note.amount_off_remaining),
        credit_granted=money_to_proto(note.credit_granted),
        description=note.description,
        create_time=timestamp_to_proto(note.create_time),
        revision=note.revision,
    )


def correction_from_proto(request: pb.IssueCreditNoteRequest) -> tuple[Correction, RequestKey | None]:
    """What is to be taken back, and the request's key; a preview has none.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.invoice_id, "invoice_id")
    lines = _lines(request.lines, mistakes)
    mistakes.attempt(required_text, request.description, "description", limit=_LONGEST_DESCRIPTION)
    key = mistakes.attempt(request_key, request, request.request_id)
    mistakes.check()
    asked = Correction(request.invoice_id, lines, request.description)
    return asked, None if request.validate_only else key


def _lines(messages: Sequence[credit_note_pb2.CreditNoteLine], mistakes: Mistakes) -> tuple[CorrectedLine, ...]:
    if not 1 <= len(messages) <= MOST_LINES:
        mistakes.add("lines", f"must have 1 to {MOST_LINES} lines, not {len(messages):,}")
        return ()
    named: set[int] = set()
    found: list[CorrectedLine] = []
    for place, message in enumerate(messages):
        amount = mistakes.attempt(money_above_zero, message.amount, f"lines[{place}].amount")
        if message.line_index in named:
            mistakes.add(f"lines[{place}].line_index", "must not name a line twice: add the amounts up")
        elif amount is not None:
            found.append(CorrectedLine(message.line_index, amount))
        named.add(message.line_index)
    return tuple(found)
