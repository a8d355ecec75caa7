"""Carries out what a story commands and compares what follows with what it tells.

Of every command this much is checked by itself: its preview equals it to the cent and stores nothing, a refusal changes nothing, and
an invoice that was made before is never changed but for its payment.
"""

import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.scenarios.invoice_view import shown_invoice
from tests.scenarios.invoices import ToldInvoice, difference, read_invoice
from tests.scenarios.states import check_schedule, check_state
from tests.scenarios.story import Line
from tests.scenarios.words import listed
from tests.scenarios.world import Books, Refused, World, attempt
from tollkeeper.billing.v1.invoice_pb2 import Invoice
from tollkeeper.billing.v1.subscription_pb2 import Subscription

# What only a stored invoice or subscription has.
_STORED_ONLY = (
    "id",
    "number",
    "state",
    "revision",
    "etag",
    "finalize_time",
    "paid_time",
    "create_time",
    "subscription_id",
    "amount_paid",
    "amount_remaining",
    "next_attempt_time",
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a story says below a command."""

    refused: Line | None
    invoices: tuple[ToldInvoice, ...]
    events: Line | None
    states: tuple[Line, ...]
    others: tuple[Line, ...]


def read_told(line: Line, *others: str) -> Told:
    """Reads the lines below a command; `others` begin those that only this command understands."""
    refused, events = None, None
    invoices: list[ToldInvoice] = []
    states: list[Line] = []
    rest: list[Line] = []
    for child in line.children:
        first = child.text.partition(" ")[0].rstrip(":")
        if first == "refused":
            refused = child
        elif first == "invoice":
            invoices.append(read_invoice(child))
        elif first == "events":
            events = child
        elif first in {"is", "schedules"}:
            states.append(child)
        elif first in others:
            rest.append(child)
        elif child.text != "no invoice":
            child.fail("is nothing that can be expected here")
    if refused and (invoices or states):
        refused.fail("what is refused changes nothing: there is nothing else to tell")
    return Told(refused, tuple(invoices), events, tuple(states), tuple(rest))


async def change(
    world: World, line: Line, method: Any, request: Any, *, subject: str, again: bool = False, credit: bool = False
) -> Any:
    """Previews the command, carries it out, and compares.

    `again`: the request was made before, so that it answers as then. `credit`: it may move credit without an invoice.
    """
    told = read_told(line)
    before = world.known
    preview = None
    if "validate_only" in request.DESCRIPTOR.fields_by_name and not again:
        preview = await attempt(method, _validating(request))
        await _check_nothing_stored(world, line, request, subject=subject)
    answer = await attempt(method, request)
    if preview is not None:
        check_same(line, preview, answer)
    if not isinstance(answer, Refused):
        world.tokens.keep("change", getattr(answer, "token", ""), customer_id=world.owner(line, subject))
    await check_told(world, line, told, answer, before=before, subject=subject, credit=credit)
    return answer


async def _check_nothing_stored(world: World, line: Line, request: Any, *, subject: str) -> None:
    """A preview leaves the books as they are. Looked at once a story for each kind of request: the look costs more than the preview."""
    kind = type(request).__name__
    if kind not in world.previewed:
        world.previewed.add(kind)
        before = world.known
        if await world.books(*world.owner_of(subject)) != before:
            line.fail("The preview changed something.")


def _validating(request: Any) -> Any:
    asked = deepcopy(request)
    asked.validate_only = True
    return asked


def check_same(line: Line, preview: Any, answer: Any) -> None:
    """The preview said what then happened."""
    if isinstance(preview, Refused) or isinstance(answer, Refused):
        if preview != answer:
            line.fail(f"The preview is {preview},\nwhat happened is {answer}")
        return
    for name in ("subscription", "invoice", "credit_note"):
        if name in answer.DESCRIPTOR.fields_by_name:
            if answer.HasField(name) != preview.HasField(name):
                line.fail(f"Only one of preview and execution has an answer's {name}:\n{preview}\n{answer}")
            one, other = (without_storage(getattr(each, name)) for each in (preview, answer))
            if one != other:
                line.fail(f"The preview's {name} is not what happened:\n{one}\n---\n{other}")


def without_storage(message: Any) -> Any:
    """The message without what only being stored gives it."""
    copy = deepcopy(message)
    for name in _STORED_ONLY:
        if name in copy.DESCRIPTOR.fields_by_name:
            copy.ClearField(name)
    return copy


async def check_told(
    world: World, line: Line, told: Told, answer: Any, *, before: Books, subject: str | None, credit: bool = False
) -> None:
    """Compares the books after a command with what the story says follows."""
    after = await world.books(*world.owner_of(subject), credit=credit)
    if told.refused is not None or isinstance(answer, Refused):
        _check_refused(line, told.refused, answer)
        if after != before:
            line.fail("It was refused, and changed something all the same.")
    else:
        check_unchanged(line, before, after)
        _check_invoices(world, line, told.invoices, after.since(before), subject=subject)
        _check_answer(world, line, answer, after)
    await check_events(world, told.events)
    for state in told.states:
        name = subject or world.sole(line)
        _check_state(world, state, after.subscriptions.get(world.id(name)))


def _check_state(world: World, line: Line, subscription: Subscription | None) -> None:
    if subscription is None:
        line.fail("There is no such subscription.")
    kind, _, said = line.text.partition(" ")
    (check_state if kind == "is" else check_schedule)(world, line, said, subscription)


def _check_refused(line: Line, told: Line | None, answer: Any) -> None:
    if not isinstance(answer, Refused):
        (told or line).fail(f"It was not refused: {answer}")
    if told is None:
        line.fail(f"It was refused: {answer}")
    said = re.fullmatch(r"refused ([A-Z_]+)(?: at (.+))?", told.text)
    if said is None:
        told.fail("says: refused REASON [at PATH, PATH]")
    paths = listed(said[2] or "")
    named = len(paths) == len(answer.paths) and all(
        actual.startswith(path) for path, actual in zip(sorted(paths), sorted(answer.paths), strict=True)
    )
    if answer.reason != said[1] or (paths and not named):
        told.fail(f"It was refused otherwise: {answer}")
    if not answer.message:
        told.fail("The refusal does not say why.")


def check_unchanged(line: Line, before: Books, after: Books) -> None:
    """What was invoiced stays: only how an invoice is paid changes."""
    for invoice in before.invoices.values():
        now = after.invoices.get(invoice.id)
        names = (
            "number",
            "lines",
            "total",
            "subtotal",
            "discounts",
            "reason",
            "finalize_time",
            "bill_to",
            "amount_due",
        )
        if now is None or any(getattr(invoice, name) != getattr(now, name) for name in names):
            line.fail(f"An invoice that was made was changed:\n{invoice}\n---\n{now}")


def _check_invoices(
    world: World, line: Line, told: Sequence[ToldInvoice], made: Sequence[Invoice], *, subject: str | None
) -> None:
    """Each subscription's invoices, one by one in their order."""
    expected: dict[str, list[ToldInvoice]] = {}
    for one in told:
        expected.setdefault(one.name or subject or world.sole(line), []).extend([one] * one.times)
    actual: dict[str, list[Invoice]] = {}
    for invoice in made:
        actual.setdefault(world.name_of(invoice), []).append(invoice)
    for name in sorted(expected.keys() | actual.keys()):
        for one, invoice in zip(expected.get(name, []), actual.get(name, []), strict=False):
            if differs := difference(one, invoice, world.zone, world.id):
                one.line.fail(f"{name}: {differs}")
        missing, surplus = (
            expected.get(name, [])[len(actual.get(name, [])) :],
            actual.get(name, [])[len(expected.get(name, [])) :],
        )
        if missing:
            missing[0].line.fail(f"{name}: there are {len(missing)} invoices fewer")
        if surplus:
            shown = "\n".join(shown_invoice(invoice, world.zone) for invoice in surplus)
            line.fail(f"{name}: {len(surplus)} invoices are not told:\n{shown}")


def _check_answer(world: World, line: Line, answer: Any, after: Books) -> None:
    """What was answered is what is stored."""
    fields = answer.DESCRIPTOR.fields_by_name
    if "subscription" in fields and answer.subscription != after.subscriptions.get(answer.subscription.id):
        line.fail(f"The answer is not the subscription as it is:\n{answer.subscription}")
    issued = "invoice" in fields and answer.HasField("invoice") and answer.invoice.number
    if issued and answer.invoice != after.invoices.get(answer.invoice.id):
        line.fail(f"The answer is not the invoice as it is:\n{answer.invoice}")


async def check_events(world: World, line: Line | None) -> None:
    """Compares with what was announced since the last such line; those of clocks and customers are not told."""
    if line is None:
        return
    told = listed(line.text.partition(":")[2])
    announced = await world.events(lambda name: not name.startswith("customer."))
    if announced != told:
        line.fail(f"announced was: {', '.join(announced)}")
