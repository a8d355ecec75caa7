"""Whom a change touches: for each plan that gets a new version, its live subscriptions and what they would pay."""

from decimal import Decimal
from typing import Final

import grpc
from rich.console import Console
from rich.text import Text

from cli.apply_view import printable, publishes
from kernel.money import Money, currency, format_money
from kit.client import open_channel
from tollkeeper.billing.v1 import subscription_service_pb2 as billing_pb
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from tollkeeper.catalog.v1 import catalog_service_pb2 as pb
from tollkeeper.catalog.v1 import charge_pb2
from tollkeeper.common.v1 import money_pb2

# Each plan is one question; billing answers in groups, so that it takes no longer with more subscriptions.
_TIMEOUT_SECONDS: Final = 10.0
# One for each version, billing period and currency: a longer list is not read before answering "Apply this?".
_MAX_GROUPS: Final = 20
_PERIODS: Final = {
    charge_pb2.BILLING_PERIOD_MONTHLY: "a month",
    charge_pb2.BILLING_PERIOD_QUARTERLY: "a quarter",
    charge_pb2.BILLING_PERIOD_YEARLY: "a year",
}


async def show_whom_it_touches(
    console: Console, difference: pb.ApplyCatalogResponse, *, billing: str, carry: bool
) -> None:
    """Asks billing about each plan that had a version before, and prints what it says; that it is away is a sentence."""
    # Nobody subscribes to a plan before its first version.
    versions = [version for version in difference.plan_versions if version.version > 1]
    changed = [change for change in difference.changes if change.plan_version > 1 and _is_published_plan(change)]
    if not changed:
        return
    console.print("Live subscriptions:", style="bold")
    async with open_channel(billing) as channel:
        stub = SubscriptionServiceStub(channel)
        for version in versions:
            request = billing_pb.PreviewPlanVersionRequest(plan_version=version)
            try:
                preview = await stub.PreviewPlanVersion(request, timeout=_TIMEOUT_SECONDS)
            except grpc.aio.AioRpcError as error:
                console.print(f"  {_unknown(error, billing)}", style="yellow")
                return
            _show(console, version.plan_id, preview, carry=carry)
    if len(versions) < len(changed):
        left = f"{len(changed) - len(versions)} more plans were not asked about: the catalog's answer had no room for them."
        console.print(f"  {left}", style="yellow")


def _is_published_plan(change: pb.ResourceChange) -> bool:
    return change.resource.type == pb.RESOURCE_TYPE_PLAN and publishes(change)


def _show(console: Console, plan_id: str, preview: billing_pb.PreviewPlanVersionResponse, *, carry: bool) -> None:
    count = preview.live_subscriptions
    if not count:
        console.print(f"  {printable(plan_id)}: none")
        return
    keeps = "which keeps its version until it is migrated" if count == 1 else "which keep their versions until migrated"
    reach = f"; the new entitlements reach {'it' if count == 1 else 'them'} at once" if carry else ""
    console.print(f"  {printable(plan_id)}: {count:,}, {keeps}{reach}")
    for effect in preview.effects[:_MAX_GROUPS]:
        console.print(_line(effect))
    if len(preview.effects) > _MAX_GROUPS:
        console.print(f"    and {len(preview.effects) - _MAX_GROUPS:,} more groups")


def _line(effect: billing_pb.PlanVersionEffect) -> Text:
    current, new = _money(effect.current_amount), _money(effect.new_amount)
    line = Text(f"    {effect.subscriptions:,} of version {effect.plan_version}: ")
    line.append(f"{format_money(current)} → {format_money(new)} {_PERIODS[effect.billing_period]} in advance")
    difference = new - current
    if difference.amount > 0:
        line.append(f" (+{format_money(difference)})", style="yellow")
    elif difference.amount < 0:
        line.append(f" ({format_money(difference)})", style="green")
    else:
        line.append(" (no difference)")
    if effect.not_offered:
        line.append(f"; {effect.not_offered:,} without a price in the new version", style="red")
    return line


def _money(message: money_pb2.Money) -> Money:
    return Money(Decimal(message.amount), currency(message.currency))


def _unknown(error: grpc.aio.AioRpcError, billing: str) -> str:
    unknown = "which of them this touches is not known"
    match error.code():
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"Billing does not answer at {billing}: {unknown}. Start it, or say --billing."
        case grpc.StatusCode.UNIMPLEMENTED:
            return f"What answers at {billing} is not billing: {unknown}. Name its address with --billing."
        case code:
            return f"Billing at {billing} refused ({code.name}): {unknown}. {printable(error.details() or '')}".rstrip()
