"""How the demo looks: tables, invoices and sentences. Nothing here calls Tollkeeper."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from cli.supervisor import Change, ChildState
from flights import NEW_YORK
from straight_count import Count
from tollkeeper.billing.v1.invoice_pb2 import Invoice, InvoiceLine, InvoiceReason, InvoiceState
from tollkeeper.common.v1.money_pb2 import Money
from tollkeeper.entitlements.v1.decision_pb2 import Decision, DecisionReason
from tollkeeper.entitlements.v1.entitlements_service_pb2 import ReportUsageResponse

# Where nobody looks at a terminal (a log, a pipe) lines need not be narrow.
_WIDTH_WITHOUT_TERMINAL = 120

_DATE = "%d %b %Y"


def console() -> Console:
    """Prints to the terminal, or plainly to whatever else reads."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=_WIDTH_WITHOUT_TERMINAL)


def change_shower(console: Console) -> Callable[[Change], None]:
    """Shows what comes up, and what dies meanwhile."""

    def show(change: Change) -> None:
        if change.state in {ChildState.HEALTHY, ChildState.DEAD}:
            console.print(f"{change.name:<13} {change.state:<8} {change.detail}")

    return show


class _Rate(ProgressColumn):
    """Events a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed or 0
        return Text(f"{speed:,.0f} events/s")


def progress(console: Console) -> Progress:
    """A bar of events with their rate, the moves of the clock between them included."""
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeElapsedColumn()]
    return Progress(*columns, console=console)


# What stands under these headings is a word; numbers stand to the right.
_WORDS = {"invoice", "carrier", "name", "because of"}


def _table(*headings: str, title: str = "") -> Table:
    table = Table(box=SIMPLE_HEAD, show_footer=bool(title), title_justify="left", title_style="bold")
    table.title = title or None
    for heading in headings:
        table.add_column(heading, justify="left" if heading in _WORDS else "right")
    return table


# ---- Numbers and times ------------------------------------------------------------------------------------------


def number(text: str) -> str:
    """A decimal with its thousands apart."""
    return f"{Decimal(text):,f}" if text else ""


def money(amount: Money) -> str:
    """An amount as it stands on invoices."""
    sign, digits = ("-", amount.amount[1:]) if amount.amount.startswith("-") else ("", amount.amount)
    return f"{sign}${number(digits)}" if amount.currency == "USD" else f"{sign}{amount.currency} {number(digits)}"


def time(timestamp: Timestamp) -> str:
    """A time in New York; midnight is left out."""
    local = timestamp.ToDatetime(UTC).astimezone(NEW_YORK)
    return local.strftime(_DATE if (local.hour, local.minute) == (0, 0) else f"{_DATE} %H:%M")


def name_of(kind: str, prefix: str) -> str:
    """An enum's name as people read it."""
    return kind.removeprefix(prefix).lower().replace("_", " ")


# ---- Invoices ---------------------------------------------------------------------------------------------------


def first_invoices(invoices: Mapping[str, Invoice], names: Mapping[str, str], gates: Mapping[str, int]) -> Table:
    """What each carrier paid when it subscribed."""
    table = _table("invoice", "carrier", "name", "gates", "charged at once")
    for carrier, invoice in invoices.items():
        row = (invoice.number, carrier, names[carrier], str(gates.get(carrier, 1)), money(invoice.total))
        table.add_row(*row)
    return table


def invoice(invoice: Invoice, name: str) -> RenderableType:
    """An invoice, line by line: what, how much of it, for which time, and how its amount comes about."""
    title = f"Invoice {invoice.number or '(preview)'} to {name}, {time(invoice.finalize_time)}"
    why = name_of(InvoiceReason.Name(invoice.reason), "INVOICE_REASON_")
    table = _table(title=f"{title} ({why})")
    table.add_column("", "Total, net of tax")
    table.add_column("quantity", justify="right")
    table.add_column("price", justify="right")
    table.add_column("amount", footer=money(invoice.total), justify="right")
    for line in invoice.lines:
        _add_line(table, line)
    return Padding(table, (1, 0))


def _add_line(table: Table, line: InvoiceLine) -> None:
    quantity = f"{number(line.previous_quantity)} → " if line.previous_quantity else ""
    table.add_row(line.description, f"{quantity}{number(line.quantity)}", "", money(line.amount), style="bold")
    for step in line.derivation:
        unit_price = number(step.unit_price) if step.unit_price else ""
        table.add_row(f"  {step.description}", number(step.quantity), unit_price, number(step.amount), style="dim")
    table.add_section()


def all_invoices(invoices: Mapping[str, Sequence[Invoice]], names: Mapping[str, str]) -> Table:
    """One line for each invoice, and what they come to."""
    table = _table("invoice", "carrier", "name", "because of", title="All invoices")
    every = [invoice for carrier in invoices for invoice in invoices[carrier]]
    total = sum((Decimal(invoice.total.amount) for invoice in every), Decimal(0))
    table.add_column("state", f"{len(every)} invoices")
    table.add_column("total", f"${total:,f}", justify="right")
    for invoice in sorted(every, key=lambda invoice: invoice.number):
        table.add_row(
            invoice.number,
            invoice.customer_id,
            names[invoice.customer_id],
            name_of(InvoiceReason.Name(invoice.reason), "INVOICE_REASON_"),
            name_of(InvoiceState.Name(invoice.state), "INVOICE_STATE_"),
            money(invoice.total),
        )
    return table


# ---- Usage and decisions ----------------------------------------------------------------------------------------


def usage_table(usage: Mapping[str, Mapping[str, Decision]]) -> Table:
    """Each carrier's usage against its limits."""
    some = next(iter(usage.values()))
    table = _table("carrier", "gates", "departures")
    table.add_column(f"miles\nsoft limit {number(some['miles'].limit)}", justify="right")
    table.add_column(f"aircraft\nhard limit {number(some['aircraft'].limit)}", justify="right")
    table.add_column("night\nflights")
    table.add_column("airports")
    for carrier, decisions in usage.items():
        table.add_row(
            carrier,
            f"{number(decisions['gates'].usage)} of {number(decisions['gates'].limit)}",
            number(decisions["departures"].usage),
            _against_limit(decisions["miles"]),
            _against_limit(decisions["aircraft"]),
            "yes" if decisions["night-flights"].granted else "no",
            ", ".join(decisions["airports"].values),
        )
    return table


def _against_limit(decision: Decision) -> Text:
    over = Decimal(decision.usage) > Decimal(decision.limit)
    style = "" if not over else "yellow" if decision.soft_limit else "red"
    return Text(number(decision.usage) + (" over" if over else "     "), style=style)


def report(answer: ReportUsageResponse) -> RenderableType:
    """Whether the report was written, and why."""
    return _answer("written" if answer.written else "refused", answer.written, answer.decision)


def decision(name: str, decision: Decision) -> RenderableType:
    """Whether it is granted, and why."""
    answer = _answer("granted" if decision.granted else "refused", decision.granted, decision)
    return Text(f"{name}, {decision.feature_id}: ").append_text(answer)


def _answer(word: str, good: bool, decision: Decision) -> Text:  # noqa: FBT001 - it only chooses the color.
    reason = DecisionReason.Name(decision.reason).removeprefix("DECISION_REASON_")
    text = Text(word, style="green" if good else "red")
    return text.append(f" ({reason}). {decision.explanation}", style="default")


# ---- The comparison ---------------------------------------------------------------------------------------------


def comparison(straight: Mapping[str, Count], metered: Mapping[str, Mapping[str, str]]) -> Table:
    """Each carrier's January, by the file and by Tollkeeper."""
    table = _table("carrier", "departures", "metered", "miles", "metered", "aircraft", "metered")
    for carrier, usage in metered.items():
        count = straight.get(carrier, Count())
        table.add_row(
            carrier,
            *(f"{count.flights:,}", number(usage["departures"])),
            *(f"{count.miles:,}", number(usage["miles"])),
            *(f"{count.aircraft:,}", number(usage["aircraft"])),
        )
    return table


def verdict(differences: Sequence[str], carriers: int) -> RenderableType:
    """All equal, or what is not."""
    if not differences:
        return Text(
            f"All {carriers} carriers: departures, miles and aircraft are equal, as metered, as shown and as billed.",
            style="green",
        )
    return Group(*(Text(difference, style="red") for difference in differences))
