"""Figures beside their yardsticks: run in turn on the same machine in the same minute, so that their ratio means something."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median

# A figure, such as events a second, of one round.
Round = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure must reach.

    Attributes:
        value: At least so much; at most, where less is better.
        ratio: At least so much of the yardstick; None where any will do.
    """

    value: float
    ratio: float | None = None
    less: bool = False

    def __str__(self) -> str:
        bound = f"{'≤' if self.less else '≥'} {self.value:,g}"
        return bound if self.ratio is None else f"{bound} and ratio ≥ {self.ratio:g}"

    def met_by(self, value: float, ratio: float | None) -> bool:
        """Whether the figure reaches it."""
        reached = value <= self.value if self.less else value >= self.value
        return reached and (self.ratio is None or (ratio is not None and ratio >= self.ratio))


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a benchmark found.

    Attributes:
        name: The figure's name: "ingest".
        value: The median over the rounds.
        unit: Of the value: "events/s".
        yardstick: What it is compared with: "COPY of the same rows".
        yardstick_value: The yardstick's median, in the same unit.
        ratio: The median of each round's value over its own yardstick.
        note: What else a reader should know.
        aim: None: it is only watched.
    """

    name: str
    value: float
    unit: str
    yardstick: str = ""
    yardstick_value: float | None = None
    ratio: float | None = None
    note: str = ""
    aim: Aim | None = None

    @property
    def met(self) -> bool | None:
        """Whether the aim is reached; None without one."""
        return None if self.aim is None else self.aim.met_by(self.value, self.ratio)


async def beside(
    name: str, measured: Round, *, unit: str, yardstick: str, compared: Round, rounds: int = 5, note: str = ""
) -> Measurement:
    """Runs the yardstick and the measured thing in turn, and keeps the medians."""
    values, yards = [], []
    for _ in range(rounds):
        yards.append(await compared())
        values.append(await measured())
    ratios = [value / yard for value, yard in zip(values, yards, strict=True)]
    return Measurement(name, median(values), unit, yardstick, median(yards), median(ratios), note)
