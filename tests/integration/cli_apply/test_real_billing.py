"""What the fake billing promises, the real one keeps: the plan version that the catalog would publish is priced by billing."""

import asyncio
import re
from pathlib import Path

from click.testing import CliRunner, Result

from billing.settings import BillingSettings
from billing.wiring import wire
from cli.apply import apply
from cli.embedded.nats import EmbeddedNats
from kit.client import call, open_channel
from kit.service import running
from tests.conftest import MakeDatabase
from tollkeeper.billing.v1 import customer_pb2, customer_service_pb2, subscription_pb2, subscription_service_pb2
from tollkeeper.billing.v1.customer_service_pb2_grpc import CustomerServiceStub
from tollkeeper.billing.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from tollkeeper.catalog.v1 import charge_pb2


async def _provision(address: str, *customer_ids: str) -> None:
    """Customers with twenty gates each."""
    async with open_channel(address) as channel:
        for customer_id in customer_ids:
            made = customer_service_pb2.CreateCustomerRequest(customer=customer_pb2.Customer(id=customer_id))
            await call(CustomerServiceStub(channel).CreateCustomer, made)
            request = subscription_service_pb2.ProvisionSubscriptionRequest(
                customer_id=customer_id,
                plan_id="carrier",
                billing_period=charge_pb2.BILLING_PERIOD_MONTHLY,
                commitments=[subscription_pb2.Commitment(feature_id="gates", quantity="20")],
            )
            await call(SubscriptionServiceStub(channel).ProvisionSubscription, request)


async def test_three_airlines_would_pay_two_and_a_half_dollars_less_each(
    address: str, make_database: MakeDatabase, nats_server: EmbeddedNats, project_root: Path, tmp_path: Path
) -> None:
    readme = (project_root / "services/catalog/README.md").read_text("utf-8")
    example = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)[0]
    settings = BillingSettings(
        database_url=make_database("billing"),
        nats_url=nats_server.url,
        listen="127.0.0.1:0",
        drain_seconds=1,
        catalog_address=address,
        # Nothing here is billed by usage.
        metering_address="127.0.0.1:1",
    )
    async with running("billing", settings, wire) as port:
        billing = f"127.0.0.1:{port}"

        async def run(text: str) -> Result:
            file = tmp_path / "catalog.yaml"
            file.write_text(text, encoding="utf-8")
            arguments = [str(file), "--catalog", address, "--billing", billing]
            result = await asyncio.to_thread(CliRunner().invoke, apply, arguments)
            assert isinstance(result, Result)
            return result

        await run(example)
        await _provision(billing, "aa", "dl", "ua")
        changed = await run(example.replace("unit_price: 15", "unit_price: 14.50"))
    lines = changed.output.splitlines()
    assert lines[lines.index("Live subscriptions:") + 1 :] == [
        "  carrier: 3, which keep their versions until migrated",
        "    3 of version 1: $894.00 → $886.50 a month in advance (-$7.50)",
        "Applied. Published: carrier version 2.",
    ]
