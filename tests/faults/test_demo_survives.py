"""The demo's whole story while each of its services is killed by SIGKILL, some of them more than once."""

from io import StringIO

import pytest
from rich.console import Console

import airport
import demo
from calls import Tollkeeper
from cli.local_platform import Platform
from flights import carrier_names
from tests.e2e.invoices import all_numbers, assert_gapless
from tests.faults.killing import KillingCalls

ACCIDENTS = [
    ("CreateCustomerRequest", 5, "billing"),
    ("ProvisionSubscriptionRequest", 3, "catalog"),
    ("ProvisionSubscriptionRequest", 10, "billing"),
    ("ReportUsageRequest", 8, "entitlements"),
    ("ReportUsageRequest", 15, "metering"),
    ("ReportEventsRequest", 12, "metering"),
    ("AdvanceTestClockRequest", 9, "entitlements"),
    ("ReportEventsRequest", 30, "nats"),
    ("AdvanceTestClockRequest", 20, "postgres"),
    ("ListEntitlementsRequest", 4, "entitlements"),
    # 31 nights, a noon, and 1 February, on whose way all renewals are.
    ("AdvanceTestClockRequest", 33, "billing"),
    ("AdvanceTestClockRequest", 33, "metering"),
]


@pytest.mark.timeout(200)
async def test_the_demo_ends_right_whoever_is_killed(
    platform: Platform, api: Tollkeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    killing = KillingCalls(platform, ACCIDENTS)
    monkeypatch.setattr(airport, "call", killing)
    told = StringIO()
    differences = await demo.story(Console(file=told, width=140), platform.addresses)
    assert killing.outstanding == []
    assert sorted(killing.killed) == sorted(child for _, _, child in ACCIDENTS)
    assert differences == []
    # What anybody can check with a calculator: 20 gates; half of January for five more; 25 gates for February, and 185
    # blocks of 25 departures in January.
    for words in ("All 16 carriers", "LIMIT_EXCEEDED", "$298.00", "$25.00", "$348.00", "$925.00", "$1,273.00"):
        assert words in told.getvalue()
    # One provisioning and one renewal each, and one raise: nobody was charged twice, and no number was lost.
    carriers = carrier_names()
    counts = {carrier: len(await airport.Airport(api).invoices(carrier)) for carrier in carriers}
    assert counts == {carrier: 3 if carrier == demo.UNITED else 2 for carrier in carriers}
    assert_gapless(await all_numbers(api))
