"""``python -m tests.bench [name …]``: measures as ratios against yardsticks on the same machine; without names, everything.

A benchmark is a module of this folder with ``NAME`` and ``async run() -> list[Measurement]``, bounded to about a minute.
"""

import asyncio
import importlib
import json
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.table import Table

import tests.bench
from tests.bench.yardstick import Measurement

RESULTS = Path(__file__).resolve().parents[2] / "build" / "bench.json"


def benchmarks() -> Mapping[str, ModuleType]:
    """The benchmarks by name."""
    modules = [
        importlib.import_module(f"tests.bench.{found.name}")
        for found in pkgutil.iter_modules(tests.bench.__path__)
        if not found.name.startswith("_")
    ]
    return {module.NAME: module for module in modules if hasattr(module, "NAME")}


def table(measurements: Sequence[Measurement]) -> Table:
    """The measurements for people."""
    shown = Table("figure", "median", "unit", "yardstick", "its median", "ratio", "aim", "met", "note")
    for one in measurements:
        yard = "" if one.yardstick_value is None else f"{one.yardstick_value:,.0f}"
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        aim = "" if one.aim is None else str(one.aim)
        met = {None: "", True: "yes", False: "NO"}[one.met]
        shown.add_row(one.name, _number(one.value), one.unit, one.yardstick, yard, ratio, aim, met, one.note)
    return shown


def write(measurements: Sequence[Measurement], file: Path) -> None:
    """The measurements for machines: a list of objects, `aim` and `met` null where a figure is only watched."""
    rows = [
        {
            "name": one.name,
            "value": round(one.value, 3),
            "unit": one.unit,
            "yardstick": one.yardstick or None,
            "ratio": None if one.ratio is None else round(one.ratio, 3),
            "aim": None if one.aim is None else str(one.aim),
            "met": one.met,
        }
        for one in measurements
    ]
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def main(names: Sequence[str]) -> int:
    """Runs the named benchmarks; 2 and a sentence if there is no such one."""
    known = benchmarks()
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(known)}.")
        return 2
    measurements: list[Measurement] = []
    for name in names or known:
        print(f"measuring {name} …", flush=True)
        measurements += asyncio.run(known[name].run())
    Console(width=None if sys.stdout.isatty() else 180).print(table(measurements))
    write(measurements, RESULTS)
    print(f"Written to {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
