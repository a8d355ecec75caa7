"""Lines for what is charged in advance: whole periods at their start, and what a change makes of the rest of one."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final, assert_never

from billing.domain import wording
from billing.domain.holding import AdvanceKind, Item, ItemKey, items
from billing.domain.invoice import ChargedPart, InvoiceLine, LineType, Source
from billing.domain.plan_terms import Terms
from billing.domain.subscription import Held, Subscription
from kernel.money import Currency, Money, currency
from kernel.period import Period
from kernel.pricing import FlatRate, Step, price
from kernel.proration import Proration, Segment, Share, prorate
from kernel.quantity import EXACT, ZERO, round_half_away, total

_ONE: Final = Decimal(1)
# Digits after the point of a share of time and its amount, where they have no end; the step "rounded" makes up for the
# rest, so that the steps add up exactly.
_SHOWN_PLACES: Final = 12
_NOTHING: Final = FlatRate(ZERO)


def whole_period_lines(subscription: Subscription, terms: Terms) -> tuple[InvoiceLine, ...]:
    """What the subscription's period costs at its start: fixed fees, commitments and add-ons."""
    held = items(subscription.holding, terms[subscription.holding.plan_key], subscription.offer)
    return tuple(_whole_line(subscription, item) for item in held.values())


def changed_lines(
    before: Subscription, after: Subscription, *, terms: Terms, account: Sequence[InvoiceLine]
) -> tuple[InvoiceLine, ...]:
    """What another holding costs for the rest of the period: one line for each item that changed.

    `after` holds the new holding since the change; `account` are the period's lines, the oldest first.
    """
    old = items(before.holding, terms[before.holding.plan_key], before.offer)
    new = items(after.holding, terms[after.holding.plan_key], after.offer)
    changed = [key for key in (*new, *(key for key in old if key not in new)) if _differs(old.get(key), new.get(key))]
    return _settled(after, tuple(after.history()), changed, terms=terms, account=account)


def unused_lines(
    subscription: Subscription, at_end: Held, *, terms: Terms, account: Sequence[InvoiceLine]
) -> tuple[InvoiceLine, ...]:
    """What is given back for a period that ends early: nothing is held from `at_end` on."""
    held = items(subscription.holding, terms[subscription.holding.plan_key], subscription.offer)
    history = (*subscription.history(), at_end)
    lines = _settled(subscription, history, list(held), terms=terms, account=account, ended=True)
    return tuple(line for line in lines if line.subtotal.amount)


def _differs(old: Item | None, new: Item | None) -> bool:
    if old is None or new is None:
        return True
    return old.quantity != new.quantity or old.price_list != new.price_list


def _settled(
    subscription: Subscription,
    history: Sequence[Held],
    keys: Sequence[ItemKey],
    *,
    terms: Terms,
    account: Sequence[InvoiceLine],
    ended: bool = False,
) -> tuple[InvoiceLine, ...]:
    steps = [items(held.holding, terms[held.holding.plan_key], subscription.offer_of(held.holding)) for held in history]
    if ended:
        steps[-1] = {}
    return tuple(
        _settled_line(
            subscription,
            key,
            [(held, step.get(key)) for held, step in zip(history, steps, strict=True)],
            account=[line for line in account if line.account[:3] == (LineType(key.kind), *key[1:])],
        )
        for key in keys
    )


def _whole_line(subscription: Subscription, item: Item) -> InvoiceLine:
    span = wording.span(subscription.period, subscription.time_zone)
    priced = price(item.price_list, item.quantity)
    steps = priced.steps
    if item.key.kind is AdvanceKind.FLAT_FEE:
        steps = (Step("fixed fee", _ONE, priced.amount, priced.amount),)
    return InvoiceLine(
        type=LineType(item.key.kind),
        source=_source(subscription, item),
        charge_id=item.charge.id,
        feature_id=item.charge.feature_id,
        description=f"{item.name}: {_what(item)}, {span}",
        quantity=item.quantity,
        period_number=subscription.period_number,
        period=subscription.period,
        subtotal=Money(priced.amount, _currency(subscription)).rounded(),
        derivation=steps,
    )


def _what(item: Item) -> str:
    match item.key.kind:
        case AdvanceKind.FLAT_FEE:
            return "fixed fee"
        case AdvanceKind.COMMITMENT:
            return f"{wording.counted(item.quantity, item.charge.unit)} committed"
        case AdvanceKind.ADD_ON:
            return wording.counted(item.quantity, item.charge.unit)
        case _:
            assert_never(item.key.kind)


def _settled_line(
    subscription: Subscription,
    key: ItemKey,
    history: Sequence[tuple[Held, Item | None]],
    *,
    account: Sequence[InvoiceLine],
) -> InvoiceLine:
    known = next(item for _, item in reversed(history) if item is not None)
    segments = _segments(history)
    charged = Money.total((line.subtotal for line in account), _currency(subscription))
    proration = prorate(subscription.period, segments, charged=charged)
    rest = Period(
        min(max(segments[-1].start, subscription.period.start), subscription.period.end), subscription.period.end
    )
    old, new = segments[-2].quantity if len(segments) > 1 else ZERO, segments[-1].quantity
    what = _changed(known, old, new)
    if not new and proration.line.amount > 0:
        # What was held until now was never charged, because its invoice is void: the line pays for the time gone by.
        rest, what = Period(subscription.period.start, rest.start), f"{_counted(known, old)} until the end"
    return InvoiceLine(
        type=LineType(f"{key.kind}_PRORATION"),
        source=_source(subscription, known),
        charge_id=key.charge_id,
        feature_id=known.charge.feature_id,
        description=f"{_named(known, history)}: {what}, {wording.span(rest, subscription.time_zone)}",
        quantity=new,
        period_number=subscription.period_number,
        period=rest,
        subtotal=proration.line,
        derivation=tuple(_proration_steps(proration, known, period=subscription.period, charged=charged)),
        previous_quantity=old,
        part=ChargedPart(rest.microseconds, subscription.period.microseconds),
    )


def _named(item: Item, history: Sequence[tuple[Held, Item | None]]) -> str:
    """The charge; with its plan where the period knew several, whose charges are often called the same."""
    plans = {held.holding.plan_id for held, _ in history}
    return item.name if len(plans) == 1 or item.name == item.source_name else f"{item.source_name}, {item.name}"


def _counted(item: Item, quantity: Decimal) -> str:
    return "fixed fee" if item.key.kind is AdvanceKind.FLAT_FEE else wording.counted(quantity, item.charge.unit)


def _changed(item: Item, old: Decimal, new: Decimal) -> str:
    if item.key.kind is AdvanceKind.FLAT_FEE:
        if old == new:
            return "fixed fee at its new price"
        return "fixed fee" if new else "fixed fee no more"
    if old == new:
        return f"{wording.counted(new, item.charge.unit)} at the new price"
    return f"{wording.counted(new, item.charge.unit)} instead of {wording.grouped(old)}"


def _segments(history: Sequence[tuple[Held, Item | None]]) -> list[Segment]:
    """The item through its period; times at which only something else changed leave no seam."""
    found: list[Segment] = []
    for held, item in history:
        quantity, price_list = (ZERO, _NOTHING) if item is None else (item.quantity, item.price_list)
        last = found[-1] if found else None
        if last is None or (last.quantity, last.price_list) != (quantity, price_list):
            found.append(Segment(held.start_time, quantity, price_list))
    return found


def _proration_steps(proration: Proration, item: Item, *, period: Period, charged: Money) -> Iterator[Step]:
    """The due of the period so far, share by share, less what was charged: together exactly the line's subtotal."""
    shares = [
        _share_step(share, item, period) for share in proration.shares if share.fraction and share.segment.quantity
    ]
    yield from shares
    yield from settling_steps(total(step.amount for step in shares), proration.total, charged=charged)


def _share_step(share: Share, item: Item, period: Period) -> Step:
    whole = period.microseconds
    part = wording.part_of(int(share.fraction * whole), whole)
    return Step(
        f"{_counted(item, share.segment.quantity)} for {part}: {wording.sum_of(share.priced)} a period",
        round_half_away(share.fraction, _SHOWN_PLACES),
        share.priced.amount,
        round_half_away(share.amount, _SHOWN_PLACES),
    )


def settling_steps(exact: Decimal, rounded: Money, *, charged: Money) -> Iterator[Step]:
    """From an exact amount to what is left of it once it is rounded and what was charged before is taken off."""
    difference = EXACT.subtract(rounded.amount, exact)
    if difference:
        unit = _ONE.scaleb(-rounded.currency.minor_digits)
        yield Step(f"rounded to {wording.grouped(unit)}", _ONE, difference, difference)
    if charged.amount:
        yield Step("already charged", _ONE, -charged.amount, -charged.amount)


def _source(subscription: Subscription, item: Item) -> Source:
    return Source(item.key.source_id, *item.plan_key, subscription.holding.billing_period)


def _currency(subscription: Subscription) -> Currency:
    return currency(subscription.currency)
