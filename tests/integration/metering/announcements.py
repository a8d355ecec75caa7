"""Events of the neighbours, as their outboxes would publish them."""

import asyncio
import uuid

from google.protobuf.message import Message
from sqlalchemy import text

from kit.broker import Broker
from tests.integration.metering.conftest import Metering


async def announce(broker: Broker, subject: str, event: Message) -> None:
    """Publishes an event of billing or the catalog; returns when the broker has it."""
    name = event.DESCRIPTOR.full_name
    context = name.split(".")[1]
    headers = {"ce-id": str(uuid.uuid4()), "ce-type": name}
    await broker.jetstream.publish(f"tollkeeper.{context}.{subject}", event.SerializeToString(), headers=headers)


async def until(metering: Metering, question: str) -> None:
    """Waits until metering's database says yes; each look is a round trip."""
    async with asyncio.timeout(20):
        while True:
            async with metering.database.read() as connection:
                if (await connection.execute(text(question))).scalar_one():
                    return
