"""A subscription's life as values: the domain as the commands drive it, without a database, a clock or metering.

What was charged is kept as the store keeps it; usage is what a test says was used by when it is asked for.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.domain.boundary import cross
from billing.domain.cancel import Cancellation, CancelTiming, cancel, resume
from billing.domain.charging import Change, Step, charge
from billing.domain.coupon import Coupon
from billing.domain.customer import Customer
from billing.domain.invoice import USAGE_TYPES, InvoiceLine
from billing.domain.plan_terms import PlanTerms, Terms, TrialEnd
from billing.domain.provision import provision
from billing.domain.subscription import Subscription
from billing.domain.update import Timing, Update, update
from billing.domain.usage import LATE_PERIODS, Usage, UsageKey, UsageQuestion, usage_questions
from kernel.period import BillingPeriod
from kernel.quantity import ZERO
from tests.unit.billing.terms import add_ons, agreement, commitments, customer


class Story:
    """What becomes of one subscription, change after change.

    Attributes:
        changes: All that happened, the oldest first; each with the lines it charged.
        terms: Of every plan version that was published.
        asked: The questions that the last change asked of metering.
        kept_from: Metering let go what it counted usage from before this.
    """

    def __init__(self, *plans: PlanTerms) -> None:
        self.changes: list[Change] = []
        self.asked: tuple[UsageQuestion, ...] = ()
        self.kept_from: datetime | None = None
        self.terms = {one.key: one for one in plans}
        self._newest = {one.plan_id: one for one in plans}
        self._used: dict[str, list[tuple[datetime, Decimal]]] = defaultdict(list)

    @property
    def subscription(self) -> Subscription:
        """As it is."""
        return self.changes[-1].subscription

    @property
    def lines(self) -> list[InvoiceLine]:
        """All that was charged, the oldest first."""
        return [line for change in self.changes for line in change.lines]

    @property
    def balance(self) -> Decimal:
        """What all lines come to."""
        return sum((line.amount.amount for line in self.lines), ZERO)

    def publish(self, *plans: PlanTerms) -> None:
        """Makes these the newest versions of their plans."""
        self.terms |= {one.key: one for one in plans}
        self._newest |= {one.plan_id: one for one in plans}

    def use(self, at: datetime, quantity: str, feature_id: str = "departures") -> None:
        """Adds usage."""
        self._used[feature_id].append((at, Decimal(quantity)))

    def provision(
        self,
        now: datetime,
        quantities: Mapping[str, str] | None = None,
        *,
        plan_id: str = "airline",
        payer: Customer | None = None,
        coupons: Sequence[Coupon] = (),
        had_trial: bool = False,
        **more: Any,
    ) -> Change:
        """UA's subscription; `more` are further fields of the agreement."""
        step = provision(
            self._newest[plan_id],
            agreement(quantities, plan_id=plan_id, **more),
            customer=payer or customer(now),
            coupons=tuple(coupons),
            had_trial=had_trial,
            now=now,
            revision=self._revision(),
        )
        return self._take(self.charged(step))

    def update(self, now: datetime, quantities: Mapping[str, str] | None = None, **more: Any) -> Change:
        """The subscription changed, after what is due; see `preview`."""
        self.advance(now)
        return self._take(self.preview(now, quantities, **more))

    def preview(
        self,
        now: datetime,
        quantities: Mapping[str, str] | None = None,
        *,
        plan_id: str = "",
        latest_version: bool = False,
        billing_period: BillingPeriod | None = None,
        extras: Mapping[str, int] | None = None,
        timing: Timing = Timing.AUTOMATIC,
        coupons: Sequence[Coupon] = (),
        without: Sequence[str] = (),
        etag: str = "",
        trial_end: TrialEnd | None = None,
        end_trial: bool = False,
    ) -> Change:
        """What an update would do, when nothing is due."""
        held = self.subscription
        asked = Update(
            held.id,
            plan_id=plan_id,
            latest_version=latest_version,
            billing_period=billing_period,
            commitments=commitments(quantities or {}),
            add_ons=add_ons(extras or {}),
            timing=timing,
            apply_coupon_ids=tuple(one.id for one in coupons),
            remove_coupon_ids=tuple(without),
            etag=etag,
            trial_end=trial_end,
            end_trial=end_trial,
        )
        # As the command does: the plan that is held keeps its version, unless the newest is asked for.
        wanted = plan_id or held.holding.plan_id
        newest = self._newest[wanted] if latest_version or wanted != held.holding.plan_id else None
        step = update(
            held,
            asked,
            terms=self._terms_of(held),
            newest=newest,
            coupons=tuple(coupons),
            now=now,
            revision=self._revision(),
        )
        return self.charged(step)

    def cancel(
        self,
        now: datetime,
        timing: CancelTiming = CancelTiming.PERIOD_END,
        *,
        at: datetime | None = None,
        prorate: bool = False,
        etag: str = "",
    ) -> Change:
        """The subscription ended, or its end scheduled, after what is due."""
        self.advance(now)
        asked = Cancellation(self.subscription.id, timing, at, prorate, etag)
        return self._take(self.charged(cancel(self.subscription, asked, now=now, revision=self._revision())))

    def resume(self, now: datetime, etag: str = "") -> Change:
        """The subscription without its scheduled end, after what is due."""
        self.advance(now)
        return self._take(self.charged(resume(self.subscription, etag, now=now, revision=self._revision())))

    def renew(self) -> Change:
        """What happens by itself next."""
        return self._take(self.charged(cross(self.subscription, revision=self._revision())))

    def advance(self, until: datetime) -> list[Change]:
        """All that happens by itself until the instant."""
        crossed = []
        while self.subscription.due(until):
            crossed.append(self.renew())
        return crossed

    def charged(self, step: Step) -> Change:
        """The step with its lines, as it would be charged now; not taken."""
        before = step.before
        account = self.account()
        terms = dict(self.terms)
        answers: dict[UsageKey, Usage] = {}
        self.asked = ()
        if before is not None:
            self.asked = usage_questions(before, step.after, at=step.at, terms=terms, billed=account)
            answers = {question.key: self._answer(question) for question in self.asked}
        return charge(step, terms=terms, account=account, answers=answers)

    def account(self) -> list[InvoiceLine]:
        """The lines that count for what is charged next, as the store finds them."""
        if not self.changes or not self.subscription.charging:
            return []
        number = self.subscription.period_number
        return [
            line
            for line in self.lines
            if line.period_number == number
            or (line.type in USAGE_TYPES and number - LATE_PERIODS <= line.period_number < number)
        ]

    def _terms_of(self, subscription: Subscription) -> Terms:
        return {key: self.terms[key] for key in subscription.plan_keys()}

    def _answer(self, question: UsageQuestion) -> Usage:
        used = self._used[question.series.feature_id]
        # What was counted in the periods of a tracker stands; any other span is measured from what is kept.
        kept_from = None if question.recurrence is not None else self.kept_from
        inside = [
            quantity for at, quantity in used if question.period.contains(at) and (kept_from is None or at >= kept_from)
        ]
        incomplete = kept_from is not None and question.period.start < kept_from
        return Usage(sum(inside, ZERO), len(used), incomplete)

    def _revision(self) -> int:
        return len(self.changes) + 1

    def _take(self, change: Change) -> Change:
        self.changes.append(change)
        return change
