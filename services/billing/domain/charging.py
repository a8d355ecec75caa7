"""What a change of a subscription charges: one function for beginning, changing, renewing and ending, and for all previews.

It compares the subscription before and after. A period that begins is charged in advance; a holding that changes inside a period
is settled for the rest of it; a period that ends is charged for its usage, and what was paid for its unused rest may be given back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from billing.domain.advance_lines import changed_lines, unused_lines, whole_period_lines
from billing.domain.discounts import discounted
from billing.domain.giving_back import within_charges
from billing.domain.holding import usage_items
from billing.domain.invoice import InvoiceLine, InvoiceReason
from billing.domain.plan_terms import Terms
from billing.domain.subscription import Held, Subscription
from billing.domain.usage import UsageAnswers
from billing.domain.usage_lines import late_usage_lines, usage_lines


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of a subscription at one instant, not yet charged.

    Attributes:
        before: None where it is new.
        at: When, by the customer's clock; not before the last change.
        reason: Of the invoice, if there is one.
        credit_unused: Whether the unused rest of a period that ends early is given back.
    """

    before: Subscription | None
    after: Subscription
    at: datetime
    reason: InvoiceReason
    credit_unused: bool = False

    @property
    def begins_period(self) -> bool:
        """Whether a period begins that is charged in advance."""
        if not self.after.charging:
            return False
        return self.before is None or not self.before.charging or self._other_period

    @property
    def ends_period(self) -> bool:
        """Whether a period ends that was charged."""
        if self.before is None or not self.before.charging:
            return False
        return not self.after.live or self._other_period

    @property
    def _other_period(self) -> bool:
        return self.before is not None and self.before.period_number != self.after.period_number


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a subscription, and what it costs; without lines there is no invoice.

    Attributes:
        at: When, by the customer's clock.
        period_number: The period that the change belongs to: for a renewal the one that ended.
    """

    before: Subscription | None
    subscription: Subscription
    lines: tuple[InvoiceLine, ...]
    reason: InvoiceReason
    at: datetime
    period_number: int

    @property
    def changes(self) -> bool:
        """Whether anything became of it."""
        return self.subscription is not self.before


def charge(step: Step, *, terms: Terms, account: Sequence[InvoiceLine], answers: UsageAnswers) -> Change:
    """The step with its lines, net of coupons.

    Args:
        step: What becomes of the subscription.
        terms: Of every plan version that `Subscription.plan_keys` of both sides name, and that `account` speaks of.
        account: All lines of the subscription's current period and all usage lines of the periods before it that are asked for
            again, without those of void invoices; the oldest first.
        answers: To all of `usage.usage_questions`.
    """
    before, after = step.before, step.after
    lines: list[InvoiceLine] = []
    if step.begins_period:
        lines += whole_period_lines(after, terms)
    if step.ends_period and before is not None:
        lines += _ended(step, before, terms=terms, account=account, answers=answers)
    elif before is not None and before.charging and after.charging:
        lines += _changed(step, before, terms=terms, account=account, answers=answers)
    lines_off, coupons = discounted(
        within_charges(lines, account),
        account=account,
        coupons=after.coupons,
        at=step.at,
        begins_period=step.begins_period or step.ends_period,
        goes_on=after.live,
    )
    if coupons != after.coupons:
        after = replace(after, coupons=coupons)
    number = after.period_number if before is None else before.period_number
    return Change(before, after, lines_off, step.reason, step.at, number)


def _ended(
    step: Step, before: Subscription, *, terms: Terms, account: Sequence[InvoiceLine], answers: UsageAnswers
) -> list[InvoiceLine]:
    current = [line for line in account if line.period_number == before.period_number]
    lines: list[InvoiceLine] = []
    if step.credit_unused and step.at < before.period.end:
        lines += unused_lines(before, Held(step.at, before.holding), terms=terms, account=current)
    lines += usage_lines(before, kept=(), at=step.at, terms=terms, account=account, answers=answers)
    lines += late_usage_lines(before, terms=terms, account=account, answers=answers)
    return lines


def _changed(
    step: Step, before: Subscription, *, terms: Terms, account: Sequence[InvoiceLine], answers: UsageAnswers
) -> list[InvoiceLine]:
    if before.holding == step.after.holding:
        return []
    current = [line for line in account if line.period_number == before.period_number]
    kept = usage_items(step.after.holding, terms[step.after.holding.plan_key], step.after.offer)
    return [
        *changed_lines(before, step.after, terms=terms, account=current),
        *usage_lines(before, kept=kept, at=step.at, terms=terms, account=account, answers=answers),
    ]
