"""What became of reports, reservations and settlements, in the own contract's messages; with the token that names the write."""

from entitlements.domain.request import Answer, SettlementOutcome
from entitlements.domain.usage import Window
from entitlements.messages.decision import decision_to_proto, period_to_proto, show_decision, show_period
from kernel.quantity import format_decimal
from kernel.token import Token
from kit.proto import timestamp_to_proto
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb


def answer_to_proto(answer: Answer) -> pb.ReportUsageResponse:
    """What became of a report."""
    message = pb.ReportUsageResponse()
    message.written, message.covered = answer.written, answer.covered
    show_decision(answer.decision, message.decision)
    message.time.CopyFrom(timestamp_to_proto(answer.time))
    message.written_value = format_decimal(answer.amount)
    if (window := answer.window) is not None:
        message.usage = format_decimal(window.used)
        show_period(window.start, window.end, message.usage_period)
        if answer.written:
            message.token = _token(window)
    return message


def reserved_to_proto(answer: Answer) -> pb.ReserveUsageResponse:
    """What became of a reservation."""
    message = pb.ReserveUsageResponse(
        reserved=answer.written,
        decision=decision_to_proto(answer.decision),
        reserved_value=format_decimal(answer.amount),
    )
    if answer.held is not None and answer.window is not None:
        message.reservation_id = answer.held.id
        message.expire_time.CopyFrom(timestamp_to_proto(answer.held.expire_time))
        message.token = _token(answer.window)
    return message


def committed_to_proto(outcome: SettlementOutcome, window: Window) -> pb.CommitReservationResponse:
    """What became of a commit."""
    return pb.CommitReservationResponse(
        written_value=format_decimal(outcome.written),
        usage=format_decimal(window.used),
        usage_period=period_to_proto(window.start, window.end),
        token=_token(window),
    )


def released_to_proto(window: Window) -> pb.ReleaseReservationResponse:
    """What became of a release."""
    return pb.ReleaseReservationResponse(token=_token(window))


def _token(window: Window) -> str:
    return Token(usage=window.revision).encode()
