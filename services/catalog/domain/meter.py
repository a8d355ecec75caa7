"""A meter: which raw events count for a feature, and what of them."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from catalog.domain.choice import check_choice
from catalog.domain.condition import Condition, check_condition, condition_meaning, settle_condition
from catalog.domain.text import check_count, check_name, check_unique
from kernel.errors import Mistakes
from kernel.ids import check_id

# Each event is matched against every meter of its name: these keep that short.
MAX_EVENT_NAMES: Final = 16
MAX_FILTERS: Final = 10
MAX_CONDITIONS: Final = 10


class Aggregation(StrEnum):
    """What is computed from the events that count."""

    COUNT = "COUNT"
    SUM = "SUM"
    UNIQUE = "UNIQUE"
    MAX = "MAX"
    MIN = "MIN"
    AVG = "AVG"
    LATEST = "LATEST"


@dataclass(frozen=True, slots=True)
class Filter:
    """Matches an event if all its conditions do."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Meter:
    """How raw events become usage: an event of these names counts if one of the filters matches, or there is none.

    Attributes:
        field: The dimension that the aggregation reads; empty for `COUNT`.
    """

    event_names: tuple[str, ...]
    filters: tuple[Filter, ...]
    aggregation: Aggregation | None
    field: str = ""


def check_meter(meter: Meter, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a meter."""
    check_count(meter.event_names, f"{path}.event_names", mistakes, least=1, most=MAX_EVENT_NAMES)
    for number, name in enumerate(meter.event_names):
        mistakes.attempt(check_id, name, f"{path}.event_names[{number}]")
    check_unique(meter.event_names, f"{path}.event_names", mistakes)
    check_count(meter.filters, f"{path}.filters", mistakes, least=0, most=MAX_FILTERS)
    for number, each in enumerate(meter.filters):
        _check_filter(each, f"{path}.filters[{number}]", mistakes)
    check_choice(meter.aggregation, Aggregation, path=f"{path}.aggregation", mistakes=mistakes)
    if meter.aggregation is Aggregation.COUNT:
        if meter.field:
            mistakes.add(f"{path}.field", "must be left out: COUNT reads no dimension")
    elif meter.aggregation is not None or meter.field:
        check_name(meter.field, f"{path}.field", mistakes)


def settle_meter(meter: Meter) -> Meter:
    """The checked meter with canonical numbers."""
    return replace(
        meter, filters=tuple(Filter(tuple(map(settle_condition, each.conditions))) for each in meter.filters)
    )


def meaning(meter: Meter) -> Hashable:
    """Equal for settled meters that count the same: neither names nor filters nor conditions have an order."""
    filters = frozenset(frozenset(map(condition_meaning, each.conditions)) for each in meter.filters)
    return frozenset(meter.event_names), filters, meter.aggregation, meter.field


def _check_filter(each: Filter, path: str, mistakes: Mistakes) -> None:
    check_count(each.conditions, f"{path}.conditions", mistakes, least=1, most=MAX_CONDITIONS)
    for number, condition in enumerate(each.conditions):
        check_condition(condition, f"{path}.conditions[{number}]", mistakes)
