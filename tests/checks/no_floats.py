"""No binary floating point near money or usage: a house rule as a program. Run by ``make check``.

A float literal, the name ``float`` or the floating point of ``math`` in the kernel or in a service's domain, messages or store is a
fault. A line that must have one (a duration in seconds, say) ends with ``# float: <reason>``.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What the module math does with whole numbers.
WHOLE = frozenset({"comb", "gcd", "isqrt", "lcm", "perm"})
GUARDED = ["libs/kernel", *(f"services/*/{layer}" for layer in ("domain", "messages", "store"))]


def offences(source: str) -> Iterator[tuple[int, str]]:
    """The lines of a module that use floating point, and how."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=float() as value):
                found = f"the literal {value!r}"
            case ast.Name(id="float"):
                found = "the type float"
            case ast.Import(names=names) if any(name.name == "math" for name in names):
                found = "the module math"
            case ast.ImportFrom(module="math", names=names) if any(name.name not in WHOLE for name in names):
                found = "floating point of the module math"
            case _:
                continue
        if "# float: " not in lines[node.lineno - 1]:
            yield node.lineno, found


def main() -> int:
    """Prints every offence; 1 if there is one."""
    files = sorted(path for pattern in GUARDED for folder in ROOT.glob(pattern) for path in folder.rglob("*.py"))
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in files
        for line, what in offences(path.read_text(encoding="utf-8"))
    ]
    print("\n".join(found) or f"no floats in {len(files)} modules")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
