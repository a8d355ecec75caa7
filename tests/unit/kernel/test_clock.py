"""The machine's clock tells UTC."""

from datetime import UTC, datetime

from kernel.clock import Clock, SystemClock


def test_the_system_clock_tells_utc() -> None:
    clock: Clock = SystemClock()
    before = datetime.now(UTC)
    now = clock.now()
    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC
