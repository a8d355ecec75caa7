"""Events as they arrive."""

from nats.aio.subscription import Subscription

from kit.broker import Broker


async def listen(broker: Broker, subject: str) -> Subscription:
    """A subscription that the server knows of: nothing that happens from now on is missed."""
    subscription = await broker.client.subscribe(subject)
    await broker.client.flush()
    return subscription
