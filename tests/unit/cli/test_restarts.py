"""A dead child is started again, ever more patiently, until it is hopeless."""

import pytest

from cli.restarts import Restarts


def delays(*lives: tuple[float, float]) -> list[float | None]:
    """After each life, given by its begin and its end."""
    restarts = Restarts()
    return [restarts.after_death(began, died) for began, died in lives]


def test_the_fifth_death_within_a_minute_is_the_last() -> None:
    assert delays((0, 1), (1, 2), (2, 3), (3, 4), (4, 60)) == [0.2, 0.4, 0.8, 1.6, None]


def test_delays_double_up_to_five_seconds() -> None:
    lives = [(20.0 * number, 20.0 * number + 19) for number in range(8)]
    assert delays(*lives) == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5])


def test_a_long_life_begins_the_row_anew() -> None:
    assert delays((0, 1), (2, 3), (4, 65), (66, 67)) == [0.2, 0.4, 0.2, 0.4]


def test_the_thousandth_death_waits_no_longer() -> None:
    assert delays(*((30.0 * number, 30.0 * number + 1) for number in range(2000)))[-1] == 5


def test_deaths_that_were_asked_for_do_not_count() -> None:
    restarts = Restarts()
    assert [restarts.after_kill() for _ in range(10)] == [0.2] * 10
    assert restarts.after_death(0, 1) == 0.2
