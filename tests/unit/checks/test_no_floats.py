"""The check that bans floats finds what it is there for."""

import pytest

from tests.checks.no_floats import offences


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("price = 0.1", True),
        ("price = float(text)", True),
        ("import math", True),
        ("from math import floor, lcm", True),
        ("from math import lcm", False),
        ("price = Decimal('0.1')", False),
        ("wait = 0.5  # float: seconds", False),
    ],
)
def test_a_float_is_found(line: str, *, found: bool) -> None:
    assert bool(list(offences(line))) is found
