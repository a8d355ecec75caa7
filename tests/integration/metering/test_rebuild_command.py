"""The operator's command, and who hears of what it did."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC
from pathlib import Path

from kit.broker import Broker
from tests.integration.metering.conftest import Metering
from tests.integration.metering.rebuilding import A_WRONG_SUM, A_WRONG_VALUE, DAY, of, rebuild, spoil, usage
from tests.integration.metering.samples import (
    JANUARY,
    monthly,
)
from tests.integration.metering.test_thresholds import limited
from tollkeeper.metering.v1 import metering_events_pb2

__all__ = ["usage"]


async def test_a_repaired_window_may_cross_a_threshold(metering: Metering, broker: Broker) -> None:
    crossed = await broker.client.subscribe("tollkeeper.metering.threshold.crossed.>")
    await spoil(metering, f'UPDATE "window" SET value = 0 WHERE {of("miles")}')
    await limited(metering, "miles", "1900", recurrence=monthly())
    await rebuild(metering)
    announced = [
        metering_events_pb2.UsageThresholdCrossed.FromString((await crossed.next_msg(timeout=10)).data)
        for _ in range(3)
    ]
    # The newest usage of January was on its last day.
    assert sorted((one.usage, one.percent) for one in announced) == [("1554", 80), ("2635", 80), ("2635", 100)]
    january = [one for one in announced if one.usage == "2635"]
    assert {one.cross_time.ToDatetime(UTC) for one in january} == {JANUARY + 30 * DAY}


def command(metering: Metering, *words: str) -> subprocess.CompletedProcess[str]:
    """The operator's command."""
    environment = {
        **os.environ,
        "TOLLKEEPER_DATABASE_URL": metering.settings.database_url,
        "TOLLKEEPER_NATS_URL": metering.settings.nats_url,
        "TOLLKEEPER_LISTEN": "127.0.0.1:0",
        "TOLLKEEPER_CATALOG_ADDRESS": "127.0.0.1:1",
        "TOLLKEEPER_BILLING_ADDRESS": "127.0.0.1:1",
    }
    run = [sys.executable, "-m", "metering", "rebuild", *words]
    return subprocess.run(run, env=environment, cwd=Path.cwd(), capture_output=True, text=True, timeout=60, check=False)


async def test_the_command_says_what_it_did(metering: Metering, broker: Broker) -> None:
    await spoil(metering, A_WRONG_VALUE, A_WRONG_SUM)
    frames = await broker.client.subscribe("tollkeeper.metering.frame.*")
    loop = asyncio.get_running_loop()
    dry = await loop.run_in_executor(None, command, metering, "--dry-run", "--feature", "miles")
    wrong = "UA, miles, 2013-02-01T05:00:00Z to 2013-03-01T05:00:00Z: holds 7777 instead of 1554\n"
    assert (dry.returncode, dry.stdout) == (3, f"{wrong}2 series, 5 windows compared: 1 differs.\n")
    done = await loop.run_in_executor(None, command, metering)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "16 series, 41 windows compared: 5 differ, 5 put right.",
    )
    assert (
        "UA, mean, 2013-04-01T04:00:00Z to 2013-05-01T04:00:00Z: holds 5.5 rightly, but made of something else"
        in done.stdout
    )
    values: set[tuple[str, str]] = set()
    while not {("miles", "1554"), ("mean", "5.5")} <= values:
        frame = metering_events_pb2.UsageFrame.FromString((await frames.next_msg(timeout=5)).data)
        values |= {(window.series.feature_id, window.value) for window in frame.windows}
    again = await loop.run_in_executor(None, command, metering, "--dry-run")
    assert (again.returncode, again.stdout) == (0, "16 series, 41 windows compared: 0 differ.\n")
