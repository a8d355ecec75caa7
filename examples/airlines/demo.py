"""Sixteen airlines in January 2013: metered, limited and billed by Tollkeeper. `make demo` runs it.

Read from `story` on: each chapter is a function. `airport.py` makes the calls, `calls.py` says how a call is repeated and
what tokens are for, `flights.py` where the flights come from, and `show.py` how it looks.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import grpc
from rich.console import Console

import show
from airport import FEBRUARY, NEW_YEAR, Airport
from calls import Tollkeeper
from cli import apply_run
from cli.catalog_file import read_catalog_file
from cli.errors import PlatformError
from cli.local_platform import Platform
from flights import NEW_YORK, Flight, carrier_names, read_flights
from straight_count import Count, count_january
from tollkeeper.billing.v1.invoice_pb2 import Invoice
from tollkeeper.entitlements.v1.decision_pb2 import Decision

CATALOG_FILE = Path(__file__).with_name("catalog.yaml")

# The gates that each carrier commits to; those not named take one.
GATES = {"UA": 20, "B6": 20, "EV": 20, "DL": 20, "AA": 10, "MQ": 10, "US": 10, "9E": 6, "WN": 5, "VX": 5}

# The carrier whose gates we follow, and what it commits to from the middle of the month on.
UNITED = "UA"
MORE_GATES = 25
MID_JANUARY = datetime(2013, 1, 16, 12, tzinfo=NEW_YORK)

JETBLUE = "B6"

# One call may carry 5,000 events. With smaller batches less is sent again after an accident.
BATCH = 500


def main() -> int:
    """Starts a platform of its own, tells the story on it, and leaves nothing behind; 0 if every count is equal."""
    # Somebody's `kill` is an end like any other: what runs is stopped first.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    console = show.console()
    try:
        console.rule("The platform starts in a temporary folder, on free ports")
        with Platform(on_change=show.change_shower(console)) as platform:
            return 1 if asyncio.run(story(console, platform.addresses)) else 0
    except grpc.aio.AioRpcError as error:
        console.print(f"{error.code().name}: {error.details()}", style="red")
        return 1
    except PlatformError as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped. Nothing runs any more, and the temporary folder is deleted.")
        return 130


async def story(console: Console, addresses: Mapping[str, str]) -> list[str]:
    """Tells the whole story; returns what differs from the straight count, which should be nothing."""
    names = carrier_names()
    january = read_flights(month=1)
    async with Tollkeeper(addresses) as api:
        airport = Airport(api)
        await apply_catalog(console, addresses["catalog"], addresses["billing"])
        await carriers_subscribe(console, airport, names)
        await united_moves_in(console, airport, names)
        await fly(console, airport, january, days=range(1, 16))
        await united_takes_more_gates(console, airport, names)
        await fly(console, airport, january, days=range(16, 32))
        usage = await usage_against_limits(console, airport, names)
        await questions(console, airport, names)
        renewals = await february_begins(console, airport, names)
        return await is_it_right(console, airport, usage, renewals=renewals)


async def apply_catalog(console: Console, address: str, billing: str) -> None:
    """What `tollkeeper apply examples/airlines/catalog.yaml` does: shows the difference, then makes it so."""
    console.rule("What is sold")
    file = read_catalog_file(CATALOG_FILE)
    name = "examples/airlines/catalog.yaml"
    await apply_run.run(file, name=name, address=address, billing=billing, dry_run=False, ask=False)


async def carriers_subscribe(console: Console, airport: Airport, names: Mapping[str, str]) -> None:
    """Sixteen customers on one clock, and their first invoices."""
    console.rule("1 January 2013, 00:00 in New York: the carriers subscribe, and pay for their gates in advance")
    await airport.make_clock()
    invoices = {}
    for carrier, name in names.items():
        await airport.make_customer(carrier, name)
        invoices[carrier] = await airport.provision(carrier, gates=GATES.get(carrier, 1))
    console.print(show.first_invoices(invoices, names, GATES))
    console.print(show.invoice(invoices[UNITED], names[UNITED]))


async def united_moves_in(console: Console, airport: Airport, names: Mapping[str, str]) -> None:
    """Gate after gate, until the commitment refuses the next one."""
    console.rule(f"{names[UNITED]} occupies its gates, one by one")
    gate = 1
    while (answer := await airport.occupy_gate(UNITED, gate)).written:
        gate += 1
    console.print(f"Gates 1 to {gate - 1} are written. Gate {gate} is", show.report(answer))


async def fly(console: Console, airport: Airport, flights: Sequence[Flight], *, days: range) -> None:
    """Each night at 23:59 the day's flights are reported as raw events, in batches."""
    console.rule(f"The flights of {days[0]} to {days[-1]} January, day by day")
    chosen = [flight for flight in flights if flight.scheduled.day in days]
    seconds = 0.0
    with show.progress(console) as progress:
        task = progress.add_task("", total=len(chosen))
        for day in days:
            await airport.advance(NEW_YEAR.replace(day=day) + timedelta(hours=23, minutes=59))
            of_the_day = iter([flight for flight in chosen if flight.scheduled.day == day])
            while batch := list(islice(of_the_day, BATCH)):
                progress.update(task, description=f"{day:>2} January")
                started = time.monotonic()
                await airport.report(batch)
                seconds += time.monotonic() - started
                progress.advance(task, len(batch))
    console.print(
        f"{len(chosen):,} events are durable and counted: {len(chosen) / seconds:,.0f} a second, one call at a time."
    )


async def united_takes_more_gates(console: Console, airport: Airport, names: Mapping[str, str]) -> None:
    """In the middle of the month: a preview, the same in earnest, and the gate that was refused before."""
    console.rule(f"16 January, 12:00: {names[UNITED]} commits to {MORE_GATES} gates")
    await airport.advance(MID_JANUARY)
    preview = await airport.raise_gates(UNITED, MORE_GATES, only_preview=True)
    console.print(f"The preview says that it will cost {show.money(preview.total)}, and changes nothing. In earnest:")
    invoice = await airport.raise_gates(UNITED, MORE_GATES)
    console.print(show.invoice(invoice, names[UNITED]))
    gate = GATES[UNITED] + 1
    console.print(f"Gate {gate} is now", show.report(await airport.occupy_gate(UNITED, gate)))


async def usage_against_limits(
    console: Console, airport: Airport, names: Mapping[str, str]
) -> dict[str, dict[str, Decision]]:
    """All carriers at the end of the month; what is over a limit is marked."""
    console.rule("31 January, 23:59: what was used, and what is allowed")
    usage = {carrier: await airport.entitlements(carrier) for carrier in names}
    console.print(show.usage_table(usage))
    return usage


async def questions(console: Console, airport: Airport, names: Mapping[str, str]) -> None:
    """A refusal is an answer like any other, and every answer says why."""
    console.rule("May they?")
    console.print(show.decision(names[UNITED], await airport.check(UNITED, "aircraft")))
    console.print(show.decision(names[JETBLUE], await airport.check(JETBLUE, "aircraft")))
    console.print(show.decision(names[JETBLUE], await airport.check(JETBLUE, "night-flights")))
    console.print(show.decision(names[JETBLUE], await airport.check(JETBLUE, "airports", ["JFK", "SWF"])))


async def february_begins(console: Console, airport: Airport, names: Mapping[str, str]) -> dict[str, Invoice]:
    """The departures of January are billed, and the gates of February; the aircraft are counted anew."""
    console.rule("1 February, 00:00: the month is renewed")
    await airport.advance(FEBRUARY)
    console.print(show.decision(names[UNITED], await airport.check(UNITED, "aircraft")))
    invoices = {carrier: await airport.invoices(carrier) for carrier in names}
    console.print(show.invoice(invoices[UNITED][-1], names[UNITED]))
    console.print(show.all_invoices(invoices, names))
    return {carrier: of_carrier[-1] for carrier, of_carrier in invoices.items()}


async def is_it_right(
    console: Console, airport: Airport, usage: Mapping[str, Mapping[str, Decision]], *, renewals: Mapping[str, Invoice]
) -> list[str]:
    """What was metered, shown and billed, beside what is counted straight from the file."""
    console.rule("Is it right? The same, counted straight from the file")
    straight = count_january()
    metered = {carrier: await airport.january_usage(carrier) for carrier in straight}
    console.print(show.comparison(straight, metered))
    differences = list(compare(straight, metered, usage, renewals=renewals))
    console.print(show.verdict(differences, len(straight)))
    return differences


def compare(
    straight: Mapping[str, Count],
    metered: Mapping[str, Mapping[str, str]],
    usage: Mapping[str, Mapping[str, Decision]],
    *,
    renewals: Mapping[str, Invoice],
) -> Iterator[str]:
    """A sentence for every number that differs from the straight count."""
    for carrier, count in straight.items():
        billed = [line.quantity for line in renewals[carrier].lines if line.charge_id == "departures"]
        for feature, right in count.by_feature().items():
            found = {"metered": metered[carrier][feature], "shown": usage[carrier][feature].usage}
            if feature == "departures":
                found["billed"] = ", ".join(billed)
            for how, number in found.items():
                if number != right:
                    yield f"{carrier}: {number or 'no'} {feature} {how}, {right} in the file"


if __name__ == "__main__":
    sys.exit(main())
