"""A dead child is started again, ever more patiently."""

import pytest

from cli.supervisor import restart_delay


def test_delays_double_up_to_five_seconds() -> None:
    assert [restart_delay(deaths) for deaths in range(1, 8)] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5, 5])


def test_the_thousandth_death_waits_no_longer() -> None:
    assert restart_delay(1_000_000) == 5
