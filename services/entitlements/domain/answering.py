"""What metering's answers to reports and settlements mean to the caller."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from entitlements.domain import decision, explanation
from entitlements.domain.decision import Decision, Reason, Standing
from entitlements.domain.entry import Entry
from entitlements.domain.feature import Feature, grouped
from entitlements.domain.reporting import Plan
from entitlements.domain.request import (
    Answer,
    Behavior,
    Enforcement,
    Outcome,
    Report,
    Settlement,
    SettlementOutcome,
    SettlementVerdict,
    Verdict,
)
from entitlements.domain.usage import Window
from kernel.errors import ErrorKind, FieldViolation, TollkeeperError, invalid, not_found, precondition
from kernel.quantity import EXACT, ZERO, format_decimal

# The contract's: open at a time, of one customer's feature. Metering counts them.
MAX_RESERVATIONS: Final = 10_000

_WRITTEN: Final = frozenset({Verdict.WRITTEN, Verdict.REPEATED, Verdict.RESERVED})


def answer(
    report: Report, entry: Entry, feature: Feature, *, plan: Plan, outcome: Outcome, as_of: datetime | None
) -> Answer:
    """What metering's outcome means to the caller. (A stale limit is asked again before.)

    Args:
        report: What was reported.
        entry: The customer's.
        feature: The reported feature.
        plan: What metering was asked.
        outcome: What it answered.
        as_of: Until when the entitlement behind it is known; the usage is newer.

    Raises:
        TollkeeperError: `USAGE_BELOW_ZERO`, `IDEMPOTENCY_KEY_REUSED`, `TOO_MANY_RESERVATIONS`.
    """
    match outcome.verdict:
        case Verdict.KEY_REUSED:
            raise _key_reused(report)
        case Verdict.BELOW_ZERO:
            raise _below_zero(report, feature, outcome.previous)
        case Verdict.TOO_MANY_RESERVATIONS:
            raise _too_many(feature)
        case _:
            pass
    written = is_written(outcome)
    reason = _reason(report, entry, feature, plan=plan, outcome=outcome)
    reason.as_of = as_of
    return Answer(
        written,
        reason,
        outcome.window,
        covered=plan.standing is not None,
        time=plan.resolved.time,
        amount=outcome.written if written else ZERO,
        held=outcome.held,
    )


def is_written(outcome: Outcome) -> bool:
    """Whether it was written, or is held, now or before."""
    return outcome.verdict in _WRITTEN


def _reason(report: Report, entry: Entry, feature: Feature, *, plan: Plan, outcome: Outcome) -> Decision:
    standing, window = plan.standing, outcome.window
    if standing is None:
        if plan.refusal is not None:
            return plan.refusal
        return entry.decide(feature.id, feature, requested=ZERO, values=(), now=plan.resolved.time)
    if not is_written(outcome):
        return _over_ceiling(feature, _met(standing, window, _before(outcome)), report)
    after = _met(standing, window, window.used)
    if not feature.shadow_mode or report.enforcement is Enforcement.RECORD:
        # Whether the usage stands within the limit now.
        return decision.in_shadow(decision.decide_metered(feature, after, ZERO), feature)
    before = _met(standing, window, _before(outcome))
    if outcome.written > 0 and not before.soft and not before.has_room(outcome.written):
        # What it would have been.
        return decision.in_shadow(_over_ceiling(feature, before, report), feature)
    return decision.in_shadow(decision.decide_metered(feature, after, ZERO), feature)


def _before(outcome: Outcome) -> Decimal:
    # What was reserved before, if it holds now what was just reserved.
    reserved = outcome.window.reserved
    if outcome.held is not None:
        reserved = EXACT.subtract(reserved, outcome.written)
    return EXACT.add(outcome.previous, reserved)


def _over_ceiling(feature: Feature, met: Standing, report: Report) -> Decision:
    if report.behavior is Behavior.DELTA:
        return decision.decide_metered(feature, met, report.value)
    limit = ZERO if met.limit is None else met.limit
    if report.resource_id:
        sentence = explanation.resource_over_limit(
            feature, met.usage, limit=limit, resource_id=report.resource_id, value=report.value
        )
    else:
        sentence = explanation.value_over_limit(
            feature, met.usage, limit=limit, value=report.value, reserved=met.reserved
        )
    return Decision(False, Reason.LIMIT_EXCEEDED, sentence, feature.id, feature, met, source=met.source)


def _met(standing: Standing, window: Window, usage: Decimal) -> Standing:
    return Standing(standing.source, standing.limit, standing.soft, usage, window.start, window.end, window.reserved)


def _too_many(feature: Feature) -> TollkeeperError:
    message = (
        f"The customer holds as many reservations of {feature.id} as there may be: {MAX_RESERVATIONS:,}. "
        "Commit or release some, or wait until some lapse."
    )
    return TollkeeperError(ErrorKind.RESOURCE_EXHAUSTED, "TOO_MANY_RESERVATIONS", message)


def _key_reused(report: Report) -> TollkeeperError:
    message = (
        f"The idempotency key {report.idempotency_key!r} was used for a report with other content. Choose a new one."
    )
    return TollkeeperError(ErrorKind.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", message)


def _below_zero(report: Report, feature: Feature, previous: Decimal) -> TollkeeperError:
    taken = grouped(-report.value)
    if report.resource_id and previous >= -report.value:
        # What metering tells is the customer's usage, which would stay above zero.
        message = f"The usage of {report.resource_id} would fall below zero: it is less than the {taken} that the report takes away."
    else:
        used = f"{grouped(previous)} {feature.units(previous)}"
        message = f"The usage would fall below zero: it is {used}, and the report takes {taken} away."
    metadata = {"feature_id": feature.id, "usage": format_decimal(previous)}
    return precondition("USAGE_BELOW_ZERO", message + " Report a smaller decrease.", **metadata)


def settled(settlement: Settlement, outcome: SettlementOutcome) -> Window:
    """The window that the reservation was made in, after it was settled as asked.

    Raises:
        TollkeeperError: `RESERVATION_NOT_FOUND`, `RESERVATION_LAPSED`, `RESERVATION_SETTLED`, or `INVALID_FIELD` where more is
            to be committed than is reserved.
    """
    name = settlement.reservation_id
    match outcome.verdict:
        case SettlementVerdict.UNKNOWN:
            message = f"The customer {settlement.customer_id} has no reservation {name}. It ended more than a day ago, or never was."
            raise not_found("RESERVATION_NOT_FOUND", message, reservation_id=name)
        case SettlementVerdict.LAPSED:
            message = f"The reservation {name} lapsed before it was committed, and nothing was written. Reserve anew."
            raise precondition("RESERVATION_LAPSED", message, reservation_id=name)
        case SettlementVerdict.SETTLED_OTHERWISE:
            written = format_decimal(outcome.written)
            how = f"committed with {written} before" if outcome.written else "released before"
            message = f"The reservation {name} was {how}."
            raise precondition("RESERVATION_SETTLED", message, reservation_id=name, written_value=written)
        case SettlementVerdict.ABOVE_RESERVED:
            reserved = format_decimal(outcome.reserved)
            raise invalid(FieldViolation("value", f"must be at most what is reserved: {reserved}"))
        case _:
            assert outcome.window is not None  # noqa: S101 - of a known reservation metering tells the window.
            return outcome.window
