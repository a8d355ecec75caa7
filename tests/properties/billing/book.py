"""An accountant's book of one subscription: what it comes to, worked out anew from what was held.

The rules of changes, periods and charges are written down here a second time, so that the service can be held against them. What
is due is a closed form of the history: for each item and period the price of what was held × its share of exact time, added up
and rounded once; for each period the price of all its usage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from tests.properties.billing.arithmetic import MONTHS, added, months_later, rounded, share
from tests.properties.billing.sold import Holds, Plan, holds

# How many closed periods are looked at again for usage that came late.
LATE = 12


@dataclass
class Span:
    """A billing period: what was held in it since when, and up to when it was paid for.

    Attributes:
        length: Of the whole period.
        closed: Once its usage was charged, until when it counts and what was held then.
        used: What its usage came to when it was looked at last.
    """

    start: datetime
    end: datetime
    length: timedelta
    held: list[tuple[datetime, Holds]]
    charged: bool
    closed: tuple[datetime, Holds] | None = None
    used: Fraction = Fraction(0)

    def due(self, digits: int) -> Fraction:
        """What it comes to in advance."""
        parts: dict[tuple[str, str], Fraction] = {}
        ends = [*(start for start, _ in self.held[1:]), self.end]
        for (start, held), end in zip(self.held, ends, strict=True):
            for item, amount in held.items().items():
                parts[item] = parts.get(item, Fraction(0)) + amount * share(start, end, self.length)
        return added(rounded(amount, digits) for amount in parts.values())


@dataclass
class Asked:
    """What a customer asks for."""

    commitments: Mapping[str, Fraction] = field(default_factory=dict)
    add_ons: Mapping[str, int] = field(default_factory=dict)
    plan: str = ""
    latest: bool = False
    billing: str = ""
    timing: str = "AUTOMATIC"
    end_trial: bool = False


class Book:
    """What became of the subscription.

    Attributes:
        spans: Its billing periods, the current one last; before the first charge the one to come, or to pass.
        scheduled: What will be held when the period, or the trial, ends; None: what is held now.
        usage: When how much was used, as far as it was told.
    """

    def __init__(self, first: Holds, now: datetime, *, start: datetime, trial_end: datetime | None, zone: str) -> None:
        self.newest: dict[str, Plan] = {}
        self.start, self.trial_end = start, trial_end
        self.zone = zone
        self.anchor, self.count = trial_end or start, 0
        self.scheduled: Holds | None = None
        self.cancel_time: datetime | None = None
        self.prorate = False
        self.usage: list[tuple[datetime, Fraction]] = []
        self.state = "SCHEDULED" if start > now else "ACTIVE" if trial_end is None else "TRIALING"
        self.spans = [self._span(self.anchor, first)]
        while self.spans[0].end <= now:
            self.count += 1
            self.spans = [self._span(self.spans[0].end, first)]
        self.span.charged = self.state == "ACTIVE" and self.span.start >= now

    @property
    def span(self) -> Span:
        """The current period."""
        return self.spans[-1]

    @property
    def holding(self) -> Holds:
        """What is held now."""
        return self.span.held[-1][1]

    def total(self, digits: int) -> Fraction:
        """What everything comes to until now, before coupons."""
        return added(span.due(digits) + span.used for span in self.spans if span.charged)

    def boundary(self) -> datetime | None:
        """When something happens by itself next."""
        match self.state:
            case "SCHEDULED":
                return self.start
            case "TRIALING":
                ends = [self.trial_end, self.cancel_time]
            case "ACTIVE":
                ends = [self.span.end, self.cancel_time]
            case _:
                return None
        return min(end for end in ends if end is not None)

    def advance(self, until: datetime, digits: int) -> None:
        """Everything that happens by itself until the instant."""
        while (at := self.boundary()) is not None and at <= until:
            if self.cancel_time is not None and self.cancel_time <= at:
                self._end(at, digits, credit=self.prorate)
            elif self.state == "SCHEDULED":
                self.state = "ACTIVE" if self.trial_end is None else "TRIALING"
                self.span.charged = self.state == "ACTIVE"
            elif self.state == "TRIALING":
                self._convert(at)
            else:
                self._turn(at, self.scheduled or self.holding, digits)
                self.scheduled = None

    def update(self, at: datetime, asked: Asked, digits: int) -> None:
        """Something else is held, now or from the end of the period on."""
        held, base = self.holding, self.scheduled or self.holding
        if asked.plan and base.plan.id not in {held.plan.id, asked.plan}:
            # Another plan takes the place of the one that was scheduled, and of all that came with it.
            base = held
        newer = asked.latest or asked.plan not in {"", held.plan.id}
        plan = self.newest[asked.plan or held.plan.id] if newer else held.plan
        if (plan.id, plan.version) != held.key or asked.billing not in {"", held.billing}:
            later = plan if newer and (asked.plan or base.plan.id == plan.id) else base.plan
            wanted, after = self._moved(held, plan, asked), self._moved(base, later, asked)
            dearer = wanted.per_month() >= held.per_month()
            now = wanted if self._at_once(asked, rises=dearer) else held
        else:
            now, after = self._other_parts(asked, base)
        self._hold(now, at, digits)
        self.scheduled = after if after != now else None
        if asked.end_trial:
            self.trial_end = self.anchor = at
            self._convert(at)

    def cancel(self, at: datetime, timing: str, when: datetime | None, digits: int, *, prorate: bool) -> None:
        """It ends, now or later."""
        never_begins = self.state == "SCHEDULED" and (when is None or when <= self.start)
        if timing == "NOW" or never_begins:
            self._end(at, digits, credit=prorate)
            return
        self.prorate = prorate
        if timing == "AT_TIME":
            self.cancel_time = when
        else:
            self.cancel_time = self.trial_end if self.state == "TRIALING" else self.span.end

    def resume(self) -> None:
        """It ends no more."""
        self.cancel_time, self.prorate = None, False

    def _span(self, at: datetime, held: Holds) -> Span:
        start, end = (
            months_later(self.anchor, MONTHS[held.billing] * n, self.zone) for n in (self.count, self.count + 1)
        )
        return Span(at, end, end - start, [(at, held)], charged=False)

    def _convert(self, at: datetime) -> None:
        """The trial is over: the first period begins."""
        self.state, self.spans, self.scheduled = "ACTIVE", [self._span(at, self.scheduled or self.holding)], None
        self.span.charged = True

    def _turn(self, at: datetime, held: Holds, digits: int) -> None:
        """One period ends, the next begins; another billing period is a new anchor."""
        self._close(at, digits)
        self.count += 1
        if held.billing != self.holding.billing:
            self.anchor, self.count = at, 0
        self.spans.append(self._span(at, held))
        self.span.charged = True

    def _end(self, at: datetime, digits: int, *, credit: bool) -> None:
        if self.state == "ACTIVE":
            self.span.end = min(at, self.span.end) if credit else self.span.end
            self._close(at, digits)
        self.state = "ENDED"

    def _close(self, at: datetime, digits: int) -> None:
        """The period's usage is charged, and what came late for those before it."""
        if not self.span.charged:
            return
        if self.holding.plan.usage:
            self.span.closed = (at, self.holding)
        for span in self.spans[-1 - LATE :]:
            self._look_at_usage(span, digits)

    def _look_at_usage(self, span: Span, digits: int) -> None:
        """All usage of the period until its charge ended, by the price that was in force then."""
        if span.charged and span.closed is not None:
            until, held = span.closed
            used = added(quantity for when, quantity in self.usage if span.start <= when < until)
            span.used = rounded(held.plan.usage[held.billing].of(used), digits)

    def _hold(self, held: Holds, at: datetime, digits: int) -> None:
        if held == self.holding:
            return
        if self.state != "ACTIVE":
            self.spans = [self._span(self.anchor, held)]
        elif held.billing == self.holding.billing:
            if self.holding.plan.usage and not held.plan.usage:
                self.span.closed = (at, self.holding)
                self._look_at_usage(self.span, digits)
            self.span.held.append((at, held))
        else:
            self.span.end = at
            self._turn(at, held, digits)

    def _moved(self, held: Holds, plan: Plan, asked: Asked) -> Holds:
        commitments = {**held.commitments, **asked.commitments}
        return holds(plan, asked.billing or held.billing, commitments, {**held.add_ons, **asked.add_ons})

    def _other_parts(self, asked: Asked, following: Holds) -> tuple[Holds, Holds]:
        held = self.holding
        now_c, next_c = dict(held.commitments), dict(following.commitments)
        now_a, next_a = dict(held.add_ons), dict(following.add_ons)
        for feature, quantity in asked.commitments.items():
            whole = held.plan.commitments[feature].whole(quantity)
            next_c[feature] = whole
            if self._at_once(asked, rises=whole >= now_c[feature]):
                now_c[feature] = whole
        for name, number in asked.add_ons.items():
            next_a[name] = number
            if self._at_once(asked, rises=number >= now_a.get(name, 0)):
                now_a[name] = number
        later = holds(following.plan, asked.billing or following.billing, next_c, next_a)
        return holds(held.plan, held.billing, now_c, now_a), later

    def _at_once(self, asked: Asked, *, rises: bool) -> bool:
        return self.state == "SCHEDULED" or asked.timing == "NOW" or (asked.timing == "AUTOMATIC" and rises)
