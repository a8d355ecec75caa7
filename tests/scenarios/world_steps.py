"""The stage of a story: its clock, its customers, its catalog, and time going by."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from tests.scenarios.changes import check_told, read_told, without_storage
from tests.scenarios.invoice_view import shown_invoice
from tests.scenarios.states import check_schedule, check_state
from tests.scenarios.story import Line
from tests.scenarios.words import clauses, to_proto
from tests.scenarios.world import Books, Refused, World, answered, attempt
from tollkeeper.billing.v1.customer_pb2 import Customer
from tollkeeper.billing.v1.customer_service_pb2 import CreateCustomerRequest
from tollkeeper.billing.v1.invoice_pb2 import Invoice
from tollkeeper.billing.v1.subscription_pb2 import SUBSCRIPTION_STATE_ACTIVE
from tollkeeper.billing.v1.subscription_service_pb2 import PreviewRenewalRequest
from tollkeeper.billing.v1.test_clock_pb2 import TestClock
from tollkeeper.billing.v1.test_clock_service_pb2 import AdvanceTestClockRequest, CreateTestClockRequest
from tollkeeper.catalog.v1.add_on_pb2 import AddOn
from tollkeeper.catalog.v1.add_on_service_pb2 import UpdateAddOnRequest
from tollkeeper.catalog.v1.coupon_pb2 import Coupon
from tollkeeper.catalog.v1.coupon_service_pb2 import UpdateCouponRequest
from tollkeeper.catalog.v1.plan_pb2 import Plan
from tollkeeper.catalog.v1.plan_service_pb2 import GetPlanRequest, UpdatePlanRequest


async def given(world: World, line: Line) -> None:
    """The catalog of the story, applied as `tollkeeper apply` does."""
    if line.children:
        await answered(line, world.stubs.catalog.ApplyCatalog, world.catalog.read(line.children))


async def publish(world: World, line: Line, said: re.Match[str]) -> None:
    """`publish` or `publish, carrying entitlements` with what differs below; `refused` stands there too."""
    told = tuple(child for child in line.children if child.text.startswith("refused "))
    request = world.catalog.read(tuple(child for child in line.children if child not in told))
    request.carry_entitlements = said[1] is not None
    world.published = True
    plans = [document.plan.id for document in request.plans]
    before = [await attempt(world.stubs.plans.GetPlan, GetPlanRequest(plan_id=plan)) for plan in plans]
    answer = await attempt(world.stubs.catalog.ApplyCatalog, request)
    rest = Line(line.where, line.text, told)
    await check_told(world, line, read_told(rest), answer, before=world.known, subject=None)
    if told:
        after = [await attempt(world.stubs.plans.GetPlan, GetPlanRequest(plan_id=plan)) for plan in plans]
        if after != before:
            line.fail("It was refused, and changed something all the same.")


async def archive(world: World, line: Line, said: re.Match[str]) -> None:
    """`archive plan carrier`, `archive coupon WELCOME`, `archive add-on lounge`."""
    kind, name = said.groups()
    mask = {"paths": ["archived"]}
    thing = world.id(name)
    stubs = world.stubs
    requests: dict[str, tuple[Any, Any]] = {
        "plan": (stubs.plans.UpdatePlan, UpdatePlanRequest(plan=Plan(id=thing, archived=True), update_mask=mask)),  # type: ignore[arg-type]  # protobuf takes it.
        "coupon": (
            stubs.coupons.UpdateCoupon,
            UpdateCouponRequest(coupon=Coupon(id=thing, archived=True), update_mask=mask),  # type: ignore[arg-type]  # likewise.
        ),
        "add-on": (
            stubs.add_ons.UpdateAddOn,
            UpdateAddOnRequest(add_on=AddOn(id=thing, archived=True), update_mask=mask),  # type: ignore[arg-type]  # likewise.
        ),
    }
    method, request = requests[kind]
    await answered(line, method, request)


async def clock(world: World, line: Line, said: re.Match[str]) -> None:
    """`clock 2013-01-01 in America/New_York`: where the story's time begins, and the zone of all its times."""
    world.zone = ZoneInfo(said[2] or "UTC")
    message = TestClock(id=world.id("clock"), time=to_proto(world.at(said[1])))
    answer = await answered(line, world.stubs.clocks.CreateTestClock, CreateTestClockRequest(test_clock=message))
    world.tokens.keep("clock", answer.token)


async def customer(world: World, line: Line, said: re.Match[str]) -> None:
    """`customer acme`, `customer acme, pays EUR, lives in DE`."""
    name, rest = said.groups()
    message = Customer(id=world.id(name), display_name=name.capitalize(), test_clock_id=world.id("clock"))
    for clause in clauses(rest or ""):
        if told := re.fullmatch(r"pays ([A-Z]{3})", clause):
            message.currency = told[1]
        elif told := re.fullmatch(r"lives in ([A-Z]{2})", clause):
            message.country = told[1]
        else:
            line.fail(f"what does {clause!r} mean?")
    answer = await answered(line, world.stubs.customers.CreateCustomer, CreateCustomerRequest(customer=message))
    world.customers[name] = message.id
    world.tokens.keep("customer", answer.token, customer_id=message.id)
    world.known = world.known.updated(answer.customer, [], [])


async def advance(world: World, line: Line, said: re.Match[str]) -> None:
    """`advance to 2013-02-01`: every boundary on the way is run. What the first renewal made was its preview, to the cent."""
    told = read_told(line)
    before = world.known
    previews = await _previews(world, before)
    target = to_proto(world.at(said[1]))
    request = AdvanceTestClockRequest(test_clock_id=world.id("clock"), target_time=target)
    answer = await attempt(world.stubs.clocks.AdvanceTestClock, request)
    if not isinstance(answer, Refused):
        world.tokens.keep("clock", answer.token)
    await check_told(world, line, told, answer, before=before, subject=None)
    _check_previews(world, line, previews, before=before)


async def _previews(world: World, books: Books) -> dict[str, Any]:
    """What the next renewal of each active subscription would charge."""
    previews: dict[str, Any] = {}
    for subscription in books.subscriptions.values():
        if subscription.state == SUBSCRIPTION_STATE_ACTIVE:
            request = PreviewRenewalRequest(subscription_id=subscription.id)
            previews[subscription.id] = await attempt(world.stubs.subscriptions.PreviewRenewal, request)
    return previews


def _check_previews(world: World, line: Line, previews: dict[str, Any], *, before: Books) -> None:
    for subscription_id, preview in previews.items():
        end = before.subscriptions[subscription_id].current_period.end_time
        made = [
            one
            for one in world.known.since(before)
            if one.subscription_id == subscription_id and one.finalize_time == end
        ]
        if isinstance(preview, Refused):
            line.fail(f"The renewal of {subscription_id} could not be previewed: {preview}")
        if made and _charged(preview.invoice) != _charged(made[0]):
            shown = shown_invoice(preview.invoice, world.zone), shown_invoice(made[0], world.zone)
            line.fail(f"The renewal's preview is not what happened:\n{shown[0]}\n---\n{shown[1]}")


def _charged(invoice: Invoice) -> Any:
    """What does not depend on the customer's other invoices of the same day."""
    charged = without_storage(invoice)
    for name in ("bill_to", "credit_applied", "amount_due"):
        charged.ClearField(name)
    return charged


async def state(world: World, line: Line, said: re.Match[str]) -> None:
    """`acme is active, 20 gates`, `acme schedules nothing`."""
    name, verb, rest = said.groups()
    subscription = world.known.subscriptions.get(world.id(name))
    if subscription is None:
        line.fail("There is no such subscription.")
    (check_state if verb == "is" else check_schedule)(world, line, rest, subscription)


async def remember(world: World, line: Line, said: re.Match[str]) -> None:
    """`remember the etag of acme`, to be stale later."""
    world.stale_etags[world.id(said[1])] = world.known.subscriptions[world.id(said[1])].etag
