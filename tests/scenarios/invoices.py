"""An invoice as a story tells it, compared with the one that was made.

    invoice for commitment, open
      commitment proration of gates, 25 instead of 20, from 2013-01-16 12:00 to 2013-02-01: 25.00 "5 gates more"
      total 25.00, due 25.00

A line says before its colon what it charges and after it the subtotal, and what coupons took off it: `100.00 less 20.00`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.scenarios.invoice_view import shown_invoice
from tests.scenarios.story import Line
from tests.scenarios.words import DECIMAL, NAME, TIME, clauses, constant, same_amount, time_of, to_proto
from tollkeeper.billing.v1.invoice_pb2 import Invoice, InvoiceLine, InvoiceLineType, InvoiceReason, InvoiceState

_HEAD = re.compile(rf"invoice(?: of (?P<name>{NAME}))? for (?P<reason>[a-z ]+?)(?: at (?P<time>{TIME}))?")
_WHAT = re.compile(
    rf'(?P<type>manual "(?P<manual>[^"]+)"|add-on(?: proration)? (?P<add_on>{NAME})'
    rf"|[a-z ]+? of (?P<charge>{NAME}))(?: in (?P<source>{NAME}))?"
)
_QUANTITY = re.compile(rf"({DECIMAL})(?: instead of ({DECIMAL}))?")
_SPAN = re.compile(rf"from ({TIME}) to ({TIME})")
_AMOUNT = re.compile(rf'({DECIMAL})(?: less ({DECIMAL}))?(?: "([^"]+)")?')
_SUM = re.compile(rf"(subtotal|total|credit applied|credit granted|due|paid|credited|remaining) ({DECIMAL})")
_DISCOUNT = re.compile(rf"({NAME}) takes off ({DECIMAL})")

_SUMS: dict[str, Callable[[Invoice], str]] = {
    "subtotal": lambda invoice: invoice.subtotal.amount,
    "total": lambda invoice: invoice.total.amount,
    "credit applied": lambda invoice: invoice.credit_applied.amount,
    "credit granted": lambda invoice: invoice.credit_granted.amount,
    "due": lambda invoice: invoice.amount_due.amount,
    "paid": lambda invoice: invoice.amount_paid.amount,
    "credited": lambda invoice: invoice.amount_credited.amount,
    "remaining": lambda invoice: invoice.amount_remaining.amount,
}


@dataclass(frozen=True, slots=True)
class ToldInvoice:
    """An invoice that a story expects.

    Attributes:
        name: Whose; None where the story leaves it to what it tells of.
        times: How many of them, one after the other.
    """

    line: Line
    name: str | None
    times: int

    def mismatches(self, invoice: Invoice, zone: ZoneInfo, id_of: Callable[[str], str]) -> list[str]:
        """What the invoice is not, of what the story says."""
        found = _head_mismatches(self.line, invoice, zone)
        left = list(invoice.lines)
        discounts: dict[str, Decimal] = {}
        for child in self.line.children:
            if said := _DISCOUNT.fullmatch(child.text):
                discounts[id_of(said[1])] = Decimal(said[2])
            elif child.text.split(" ")[0] in {"subtotal", "total", "credit", "due", "paid", "credited", "remaining"}:
                found += _sum_mismatches(child, invoice)
            else:
                match = next((line for line in left if _is_told(child, line, zone, id_of)), None)
                if match is None:
                    found.append(f"no line is: {child.text}")
                else:
                    left.remove(match)
        if left:
            found.append(f"{len(left)} lines are not told")
        actual = {discount.coupon_id: Decimal(discount.amount.amount) for discount in invoice.discounts}
        if actual != discounts:
            found.append(f"the coupons take off {actual or 'nothing'}")
        return found


def read_invoice(line: Line) -> ToldInvoice:
    """A story's invoice: "invoice of acme for renewal at 2013-02-01, open, 3 times"."""
    head, *more = clauses(line.text)
    said = _HEAD.fullmatch(head)
    if said is None:
        line.fail("an invoice is told as: invoice [of NAME] for REASON [at TIME][, STATE][, N times]")
    if not any(re.match(r"total |.*, total ", child.text) for child in line.children):
        line.fail("an invoice must tell its total")
    times = [int(one.removesuffix(" times")) for one in more if one.endswith(" times")]
    return ToldInvoice(line, said["name"], times[0] if times else 1)


def _head_mismatches(line: Line, invoice: Invoice, zone: ZoneInfo) -> list[str]:
    head, *more = clauses(line.text)
    said = _HEAD.fullmatch(head)
    assert said is not None
    found = []
    if constant(InvoiceReason, said["reason"]) != invoice.reason:
        found.append("the reason is another")
    if said["time"] and to_proto(time_of(said["time"], zone)) != invoice.finalize_time:
        found.append("the time is another")
    states = (clause for clause in more if not clause.endswith(" times"))
    return found + [f"it is not {state}" for state in states if constant(InvoiceState, state) != invoice.state]


def _sum_mismatches(line: Line, invoice: Invoice) -> list[str]:
    found = []
    for clause in clauses(line.text):
        said = _SUM.fullmatch(clause)
        if said is None:
            line.fail(f"{clause!r} is no sum of an invoice")
        if not same_amount(_SUMS[said[1]](invoice), said[2]):
            found.append(f"it is not {clause}")
    return found


def _is_told(told: Line, line: InvoiceLine, zone: ZoneInfo, id_of: Callable[[str], str]) -> bool:
    head, colon, amount = told.text.rpartition(": ")
    what, *more = clauses(head)
    said = _WHAT.fullmatch(what)
    money = _AMOUNT.fullmatch(amount)
    if said is None or money is None or not colon:
        told.fail("a line is told as: TYPE of CHARGE, QUANTITY [instead of N], from TIME to TIME: SUBTOTAL [less N]")
    return (
        _is_of(said, line, id_of)
        and all(_is_clause(told, clause, line, zone) for clause in more)
        and same_amount(money[1], line.subtotal.amount)
        and (not money[2] or same_amount(money[2], _total_of_discounts(line)))
        and (not money[3] or money[3] in line.description)
    )


def _is_of(said: re.Match[str], line: InvoiceLine, id_of: Callable[[str], str]) -> bool:
    if said["manual"]:
        return line.type == constant(InvoiceLineType, "manual") and line.description == said["manual"]
    if said["source"] and line.source_id != id_of(said["source"]):
        return False
    if said["add_on"]:
        kind = said["type"].removesuffix(said["add_on"])
        return line.type == constant(InvoiceLineType, kind) and line.source_id == id_of(said["add_on"])
    kind = said["type"].removesuffix(f" of {said['charge']}")
    return line.type == constant(InvoiceLineType, kind) and line.charge_id == said["charge"]


def _is_clause(told: Line, clause: str, line: InvoiceLine, zone: ZoneInfo) -> bool:
    if said := _QUANTITY.fullmatch(clause):
        return same_amount(said[1], line.quantity) and same_amount(
            said[2] or line.previous_quantity, line.previous_quantity
        )
    if said := _SPAN.fullmatch(clause):
        start, end = (to_proto(time_of(time, zone)) for time in said.groups())
        return line.period.start_time == start and line.period.end_time == end
    return told.fail(f"{clause!r} is neither a quantity nor a span of time")


def _total_of_discounts(line: InvoiceLine) -> str:
    return str(sum((Decimal(one.amount.amount) for one in line.discounts), Decimal(0)))


def difference(told: ToldInvoice, invoice: Invoice, zone: ZoneInfo, id_of: Callable[[str], str]) -> str:
    """How the invoice differs from what is told, with the invoice as a story would tell it; empty where it does not."""
    found = told.mismatches(invoice, zone, id_of)
    return "" if not found else "\n".join([*found, "The invoice is:", shown_invoice(invoice, zone)])
