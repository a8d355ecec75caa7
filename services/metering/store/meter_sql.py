"""Meters as SQL: the same rules as `domain.meter`, over stored events. A law in the tests holds the two together."""

import json
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, assert_never

from sqlalchemy import (
    ColumnElement,
    Numeric,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on

from metering.domain.meter import (
    Aggregation,
    Compares,
    Comparison,
    Condition,
    Equals,
    Filter,
    HasText,
    In,
    IsSet,
    Meter,
    NotEquals,
    Part,
)
from metering.domain.value import MAX_PLAIN_BYTES, DimensionValue, text_of
from metering.store import tables

_EVENT = tables.event
_ZERO: ColumnElement[int] = literal_column("0")
_OPERATORS: Mapping[Comparison, Callable[[ColumnElement[Decimal], Decimal], ColumnElement[bool]]] = {
    Comparison.GREATER: operator.gt,
    Comparison.GREATER_OR_EQUAL: operator.ge,
    Comparison.LESS: operator.lt,
    Comparison.LESS_OR_EQUAL: operator.le,
}


def matches(meter: Meter) -> ColumnElement[bool]:
    """Whether an event counts."""
    names = _EVENT.c.event_name.in_(meter.event_names)
    return and_(names, or_(*map(_filter, meter.filters))) if meter.filters else names


def is_skipped(meter: Meter) -> ColumnElement[bool]:
    """Whether a matching event adds nothing, because its field is missing or not a number."""
    match meter.aggregation:
        case Aggregation.COUNT:
            return literal(value=False)
        case Aggregation.UNIQUE:
            return _value(meter.field).is_(None)
        case Aggregation.SUM | Aggregation.MAX | Aggregation.MIN | Aggregation.AVG | Aggregation.LATEST:
            return func.coalesce(_type(meter.field), "") != "number"
        case _:
            assert_never(meter.aggregation)


def gathered(meter: Meter, by: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """What events come to in each group of `by`, in its order: first its columns, then those of `domain.gathered.Gathered`.

    The caller narrows the rows to events that match and are not skipped. For counts, sums and `UNIQUE` the number is the usage.
    """
    match meter.aggregation:
        case Aggregation.LATEST:
            time, key = _EVENT.c.timestamp_us, _EVENT.c.idempotency_key
            # Sorted and not gathered into arrays, so that any number of events fits.
            in_order = (*by, time.desc(), key.desc())
            return select(*by, _number(meter.field), _ZERO, time, key).ext(distinct_on(*by)).order_by(*in_order)
        case Aggregation.AVG:
            return grouped(by, func.sum(_number(meter.field)), func.count())
        case _:
            return grouped(by, _aggregate(meter))


def _aggregate(meter: Meter) -> ColumnElement[Any]:
    match meter.aggregation:
        case Aggregation.COUNT:
            return func.count()
        case Aggregation.UNIQUE:
            return func.count(distinct_key(meter.field).distinct())
        case Aggregation.MAX:
            return func.max(_number(meter.field))
        case Aggregation.MIN:
            return func.min(_number(meter.field))
        case _:
            return func.sum(_number(meter.field))


def grouped(
    by: Sequence[ColumnElement[Any]], number: ColumnElement[Any], count: ColumnElement[int] = _ZERO
) -> Select[Any]:
    """An aggregate in each group, in the order of the groups, with the columns of `domain.gathered.Gathered`."""
    return select(*by, number, count, _ZERO, literal_column("''")).group_by(*by).order_by(*by)


def distinct_key(field: str) -> ColumnElement[str]:
    """`domain.value.distinct_key` of a dimension."""
    text = _text(field)
    kind = case({"string": "s", "number": "n"}, value=func.jsonb_typeof(_value(field)), else_="b")
    digest = func.encode(func.sha256(func.convert_to(text, "UTF8")), "hex")
    short = func.octet_length(text) <= MAX_PLAIN_BYTES
    return kind + case((short, literal(":") + text), else_=literal("#") + digest)


def group_text(field: str) -> ColumnElement[str]:
    """A dimension as text; empty where it is missing."""
    return func.coalesce(_text(field), literal("")).collate("C")


def has_one_of(field: str, values: Iterable[DimensionValue]) -> ColumnElement[bool]:
    """Whether a dimension is there and has one of these values, of the same type."""
    # A missing dimension gives null, which passes no test; inside OR and AND it must be a plain no.
    same = [_value(field) == cast(literal(_json(value), Text), JSONB) for value in values]
    return func.coalesce(or_(*same), literal(value=False))


def _value(field: str) -> ColumnElement[Any]:
    return _EVENT.c.dimensions[field]


def _type(field: str) -> ColumnElement[str]:
    return func.jsonb_typeof(_value(field))


def _text(field: str) -> ColumnElement[str]:
    text: ColumnElement[str] = _EVENT.c.dimensions[field].astext
    return text


def _number(field: str) -> ColumnElement[Decimal]:
    # Guarded once more: PostgreSQL may compute a column before it filters the row away.
    return case((_type(field) == "number", cast(_text(field), Numeric)))


def _filter(one: Filter) -> ColumnElement[bool]:
    return and_(*map(_condition, one))


def _condition(condition: Condition) -> ColumnElement[bool]:
    match condition:
        case IsSet(field, expected):
            present: ColumnElement[bool] = _EVENT.c.dimensions.has_key(field)
            return present if expected else ~present
        case Equals(field, value):
            return has_one_of(field, (value,))
        case NotEquals(field, value):
            present = _EVENT.c.dimensions.has_key(field)
            return and_(present, ~has_one_of(field, (value,)))
        case In(field, values):
            return has_one_of(field, values)
        case HasText():
            return _has_text(condition)
        case Compares():
            return _compares(condition)
        case _:
            assert_never(condition)


def _has_text(condition: HasText) -> ColumnElement[bool]:
    # Not by LIKE, in whose patterns some characters mean others; by bytes, whatever the database takes for equal.
    text, wanted = _text(condition.field).collate("C"), literal(condition.text, Text)
    match condition.part:
        case Part.ANYWHERE:
            found = func.strpos(text, wanted) > 0
        case Part.START:
            found = func.starts_with(text, wanted)
        case Part.END:
            found = func.right(text, len(condition.text)) == wanted
        case _:
            assert_never(condition.part)
    return case((_type(condition.field) == "string", found), else_=literal(value=False))


def _compares(condition: Compares) -> ColumnElement[bool]:
    # Null where it is not a number, which is a plain no.
    holds = _OPERATORS[condition.comparison](_number(condition.field), Decimal(condition.number))
    return func.coalesce(holds, literal(value=False))


def _json(value: DimensionValue) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else text_of(value)
