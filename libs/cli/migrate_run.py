"""What `tollkeeper migrate` does: page by page, telling how far it is."""

from typing import Final

import grpc
from rich.console import Console

from cli.apply_view import printable
from kit.client import open_channel
from kit.errors import RemoteRefusal, refusal_of
from tollkeeper.billing.v1 import subscription_service_pb2 as pb
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub

# A page is at most a hundred changes, each with its invoice.
_TIMEOUT_SECONDS: Final = 120.0
_PAGE: Final = 100


class Refused(Exception):  # noqa: N818 - it is an answer, and named so.
    """Billing refused, or is away; the pages before are moved."""


async def run(plan_id: str, *, address: str, now: bool) -> int:
    """Moves all pages and says how far it is; gives the number of those that could not be moved.

    Raises:
        Refused: Billing refused, or is away; the pages before are moved.
    """
    console = Console(highlight=False, markup=False, soft_wrap=True)
    timing = pb.CHANGE_TIMING_NOW if now else pb.CHANGE_TIMING_PERIOD_END
    request = pb.MigrateSubscriptionsRequest(plan_id=plan_id, timing=timing, page_size=_PAGE)
    moved = failed = 0
    async with open_channel(address) as channel:
        stub = SubscriptionServiceStub(channel)
        while True:
            try:
                page = await stub.MigrateSubscriptions(request, timeout=_TIMEOUT_SECONDS)
            except grpc.aio.AioRpcError as error:
                raise Refused(_sentence(refusal_of(error), address)) from error
            moved += len(page.migrated_subscription_ids)
            failed += len(page.failures)
            for failure in page.failures:
                console.print(f"{failure.subscription_id} stays ({failure.reason}): {printable(failure.message)}")
            if not page.next_page_token:
                break
            console.print(f"{moved:,} moved so far …")
            request.page_token = page.next_page_token
    when = "now" if now else "at the ends of their periods"
    console.print(f"Version {page.plan_version} of {plan_id}: {moved:,} subscriptions move {when}, {failed:,} stay.")
    return failed


def _sentence(refusal: RemoteRefusal, address: str) -> str:
    if refusal.code is grpc.StatusCode.UNAVAILABLE and not refusal.reason:
        return f"No billing answers at {address}: start the platform with `tollkeeper up`, or say --billing."
    return f"Billing at {address} refused ({refusal.reason or refusal.code.name}): {printable(refusal.message)}"
