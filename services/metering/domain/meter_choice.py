"""Which meters count which events of one name: many ask the same dimension for one value each, and are found by that value."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

from metering.domain.meter import Dimensions, Equals, In, Meter, Predicate, predicate_of
from metering.domain.value import DimensionValue

# True equals 1 in Python: a truth value is told apart from a number by the first part.
_Value: TypeAlias = tuple[bool, DimensionValue | None]


@dataclass(frozen=True, slots=True, eq=False)
class ActiveMeter:
    """A feature's meter, made ready for many events."""

    feature_id: str
    meter: Meter
    test: Predicate | None


@dataclass(frozen=True, slots=True)
class MeterChoice:
    """The meters of one event name.

    Attributes:
        tested: Each event is held against each of them.
        by_value: The others: by the dimension that they ask, and its value.
    """

    tested: Sequence[ActiveMeter]
    by_value: Mapping[str, Mapping[_Value, Sequence[ActiveMeter]]]

    @classmethod
    def of(cls, meters: Iterable[ActiveMeter]) -> Self:
        """Of these meters, all for one event name."""
        tested: list[ActiveMeter] = []
        by_value: defaultdict[str, defaultdict[_Value, list[ActiveMeter]]] = defaultdict(lambda: defaultdict(list))
        for active in meters:
            asked = _asked(active.meter)
            if asked is None:
                tested.append(active)
            else:
                field, values = asked
                for value in values:
                    by_value[field][value].append(active)
        return cls(tested, {field: dict(meters_of) for field, meters_of in by_value.items()})

    def rows(self, dimensions: Sequence[Dimensions], rows: list[int]) -> Iterator[tuple[ActiveMeter, list[int]]]:
        """Each meter that counts any of these rows, with those rows."""
        for active in self.tested:
            test = active.test
            matching = rows if test is None else [row for row in rows if test(dimensions[row])]
            if matching:
                yield active, matching
        for field, by_value in self.by_value.items():
            found: dict[ActiveMeter, list[int]] = {}
            for row in rows:
                value = dimensions[row].get(field)
                for active in by_value.get((value.__class__ is bool, value), ()):
                    found.setdefault(active, []).append(row)
            yield from found.items()


def active_meter(feature_id: str, meter: Meter) -> ActiveMeter:
    """The meter of a feature."""
    return ActiveMeter(feature_id, meter, predicate_of(meter))


def _asked(meter: Meter) -> tuple[str, set[_Value]] | None:
    """The one dimension that all filters ask for nothing but values, and these; None where they ask otherwise."""
    fields: set[str] = set()
    values: set[_Value] = set()
    for one in meter.filters:
        match one:
            case (Equals(field, value),):
                fields.add(field)
                values.add((isinstance(value, bool), value))
            case (In(field, several),):
                fields.add(field)
                values |= {(isinstance(value, bool), value) for value in several}
            case _:
                return None
    return (fields.pop(), values) if len(fields) == 1 else None
