"""``python -m tests.bench [name …]``: measures as ratios against yardsticks on the same machine; without names, everything.

A benchmark is a module of this folder with ``NAME`` and ``async run() -> list[Measurement]``, bounded to about a minute.
"""

import asyncio
import importlib
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

from rich.console import Console
from rich.table import Table

import tests.bench
from tests.bench.yardstick import Measurement


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
    shown = Table("figure", "median", "unit", "yardstick", "its median", "ratio", "note")
    for one in measurements:
        yard = "" if one.yardstick_value is None else f"{one.yardstick_value:,.0f}"
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        shown.add_row(one.name, f"{one.value:,.0f}", one.unit, one.yardstick, yard, ratio, one.note)
    return shown


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
    Console(width=None if sys.stdout.isatty() else 140).print(table(measurements))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
