"""Meters as SQL: the same rules as `domain.meter`, over stored events. A law in the tests holds the two together."""

import json
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Numeric, Text, and_, case, cast, func, literal, or_
from sqlalchemy.dialects.postgresql import JSONB

from metering.domain.meter import Aggregation, Condition, Equals, Filter, In, IsSet, Meter
from metering.domain.value import MAX_PLAIN_BYTES, DimensionValue, text_of
from metering.store import tables

_EVENT = tables.event


def matches(meter: Meter) -> ColumnElement[bool]:
    """Whether an event counts."""
    names = _EVENT.c.event_name.in_(meter.event_names)
    return and_(names, or_(*map(_filter, meter.filters))) if meter.filters else names


def is_skipped(meter: Meter) -> ColumnElement[bool]:
    """Whether a matching event adds nothing, because its field is missing or not a number."""
    match meter.aggregation:
        case Aggregation.COUNT:
            return literal(value=False)
        case Aggregation.SUM:
            return func.coalesce(func.jsonb_typeof(_value(meter.field)), "") != "number"
        case Aggregation.UNIQUE:
            return _value(meter.field).is_(None)
        case _:
            assert_never(meter.aggregation)


def usage(meter: Meter) -> ColumnElement[Any]:
    """The aggregate over matching events that are not skipped."""
    match meter.aggregation:
        case Aggregation.COUNT:
            return func.count()
        case Aggregation.SUM:
            # Guarded once more: PostgreSQL may compute a column before it filters the row away.
            number = func.jsonb_typeof(_value(meter.field)) == "number"
            return func.sum(case((number, cast(_text(meter.field), Numeric))))
        case Aggregation.UNIQUE:
            return func.count(distinct_key(meter.field).distinct())
        case _:
            assert_never(meter.aggregation)


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


def _value(field: str) -> ColumnElement[Any]:
    return _EVENT.c.dimensions[field]


def _text(field: str) -> ColumnElement[str]:
    text: ColumnElement[str] = _EVENT.c.dimensions[field].astext
    return text


def _filter(one: Filter) -> ColumnElement[bool]:
    return and_(*map(_condition, one))


def _condition(condition: Condition) -> ColumnElement[bool]:
    match condition:
        case IsSet(field, expected):
            present: ColumnElement[bool] = _EVENT.c.dimensions.has_key(field)
            return present if expected else ~present
        case Equals(field, value):
            return _is_one_of(field, (value,))
        case In(field, values):
            return _is_one_of(field, values)
        case _:
            assert_never(condition)


def _is_one_of(field: str, values: tuple[DimensionValue, ...]) -> ColumnElement[bool]:
    # A missing dimension gives null, which passes no test; inside OR and AND it must be a plain no.
    same = [_value(field) == cast(literal(_json(value), Text), JSONB) for value in values]
    return func.coalesce(or_(*same), literal(value=False))


def _json(value: DimensionValue) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else text_of(value)
