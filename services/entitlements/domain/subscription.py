"""Subscriptions as billing tells of them: what is held from when to when, known before any of it comes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from kernel.period import BillingPeriod

# A plan and one of its versions.
PlanKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a subscription holds for a time.

    Attributes:
        anchor_time: Where billing periods are computed from. Before it, on trial for example, they follow the subscription's start.
        commitments: The committed quantity by feature id.
        add_ons: The quantity by add-on id.
    """

    plan_id: str
    plan_version: int
    billing_period: BillingPeriod
    anchor_time: datetime
    commitments: Mapping[str, Decimal]
    add_ons: Mapping[str, int]

    @property
    def counting(self) -> tuple[object, ...]:
        """What usage periods follow from, beside the subscription's start and zone."""
        return (self.plan_id, self.plan_version, self.billing_period, self.anchor_time, frozenset(self.add_ons))


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What a subscription will hold from a time on, whether or not any message arrives then."""

    time: datetime
    terms: Terms


@dataclass(frozen=True, slots=True)
class Phase:
    """A span of the customer's time, half-open; None: unbounded."""

    since: datetime | None
    until: datetime | None


# Most entitlements are for all time that there is access.
ALWAYS: Final = Phase(None, None)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A customer's agreement to a version of a plan.

    Attributes:
        access_start: From when it gives access by the customer's clock, whether or not any message arrives; None: it gives none.
        access_end: Until when; None: until further notice.
        end_time: When it ended.
        scheduled: The change that is scheduled.
        seen_time: What the customer's clock showed at least when billing wrote this.
    """

    id: str
    customer_id: str
    time_zone: str
    start_time: datetime
    access_start: datetime | None
    access_end: datetime | None
    end_time: datetime | None
    terms: Terms
    scheduled: Scheduled | None
    seen_time: datetime
    revision: int

    @property
    def plan_keys(self) -> tuple[PlanKey, ...]:
        """The plan versions that it is, or will be, resolved from."""
        held = [self.terms] if self.scheduled is None else [self.terms, self.scheduled.terms]
        return tuple(dict.fromkeys((terms.plan_id, terms.plan_version) for terms in held))

    @property
    def counting(self) -> tuple[object, ...]:
        """What its usage periods follow from."""
        later = None if self.scheduled is None else (self.scheduled.time, self.scheduled.terms.counting)
        return (self.time_zone, self.start_time, self.terms.counting, later)

    def phases(self) -> Iterator[tuple[Phase, Terms, datetime]]:
        """In their order: a span, what is held in it, and where its billing periods begin."""
        if self.scheduled is None:
            yield from self._anchored(None, None, terms=self.terms)
        elif self.scheduled.time <= self.seen_time:
            yield from self._anchored(None, None, terms=self.scheduled.terms)
        else:
            yield from self._anchored(None, self.scheduled.time, terms=self.terms)
            yield from self._anchored(self.scheduled.time, None, terms=self.scheduled.terms)

    def _anchored(
        self, since: datetime | None, until: datetime | None, *, terms: Terms
    ) -> Iterator[tuple[Phase, Terms, datetime]]:
        anchor = terms.anchor_time
        # An anchor that billing has seen passed lies behind: the customer's time is never before that.
        reached = max(self.seen_time, since or self.seen_time)
        if anchor <= reached or anchor == self.start_time:
            yield ALWAYS if since is None and until is None else Phase(since, until), terms, anchor
        elif until is not None and until <= anchor:
            yield Phase(since, until), terms, self.start_time
        else:
            yield Phase(since, anchor), terms, self.start_time
            yield Phase(anchor, until), terms, anchor
