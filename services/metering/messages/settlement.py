"""Settlements of reservations in messages."""

from collections.abc import Sequence
from decimal import Decimal

from kernel.errors import FieldViolation, Mistakes, invalid
from kernel.ids import check_id
from kernel.quantity import parse_decimal
from kit.proto import decimal_to_proto
from metering.domain.reservation import MAX_SETTLEMENTS, Settlement, SettlementOutcome, SettlementVerdict
from metering.messages.tracker import window_to_proto
from tollkeeper.metering.v1 import tracker_service_pb2 as pb

_VERDICTS = {verdict: pb.SettlementVerdict.Value(f"SETTLEMENT_VERDICT_{verdict}") for verdict in SettlementVerdict}


def settlements_from_proto(request: pb.BatchSettleReservationsRequest) -> Sequence[Settlement]:
    """The settlements of a request.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming index and field of every mistake.
    """
    if not 1 <= len(request.settlements) <= MAX_SETTLEMENTS:
        message = f"must hold 1 to {MAX_SETTLEMENTS:,} settlements, not {len(request.settlements):,}"
        raise invalid(FieldViolation("settlements", message))
    mistakes = Mistakes()
    settlements = [
        _settlement(message, f"settlements[{index}]", mistakes) for index, message in enumerate(request.settlements)
    ]
    mistakes.check()
    return settlements


def _settlement(message: pb.ReservationSettlement, path: str, mistakes: Mistakes) -> Settlement:
    mistakes.attempt(check_id, message.customer_id, f"{path}.customer_id")
    mistakes.attempt(check_id, message.reservation_id, f"{path}.reservation_id")
    value = None
    match message.WhichOneof("end"):
        case "commit":
            if message.commit:
                value = mistakes.attempt(_amount, message.commit, f"{path}.commit")
        case "release":
            if not message.release:
                mistakes.add(f"{path}.release", "must be true where it is set")
        case None:
            mistakes.add(path, "must say how it ends: commit or release")
    return Settlement(message.customer_id, message.reservation_id, message.release, value)


def _amount(text: str, path: str) -> Decimal:
    value = parse_decimal(text, path)
    if value <= 0:
        raise invalid(FieldViolation(path, "must be above 0: what is not used is released"))
    return value


def settlement_outcome_to_proto(outcome: SettlementOutcome) -> pb.SettlementOutcome:
    """The outcome as the contract shows it."""
    return pb.SettlementOutcome(
        verdict=_VERDICTS[outcome.verdict],
        window=None if outcome.window is None else window_to_proto(outcome.window),
        reserved_value=decimal_to_proto(outcome.reserved),
        written_value=decimal_to_proto(outcome.written),
    )
