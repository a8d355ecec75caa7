"""Waiting in an event loop for what a queue's threads do, without holding up a thread for it."""

import asyncio
from collections.abc import Callable

from tollkeeper.client.reporter.queue import EventQueue


async def until(is_true: Callable[[], bool], queue: EventQueue, *, seconds: float | None) -> bool:
    """Whether it becomes true within so many seconds (None: however long it takes); looked at whenever the queue moves."""
    loop, moved = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(moved.set)

    queue.listen(tell)
    try:
        async with asyncio.timeout(seconds):
            while not is_true():
                await moved.wait()
                moved.clear()
    except TimeoutError:
        return False
    finally:
        queue.leave(tell)
    return True
