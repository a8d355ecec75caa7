"""Which meters are well formed, and which of them count the same."""

import re
from dataclasses import replace

import pytest

from catalog.domain.condition import (
    BoolValue,
    Compares,
    Condition,
    Equals,
    HasText,
    In,
    IsSet,
    NotEquals,
    NumberTest,
    NumberValue,
    StringValue,
    Test,
    TextTest,
)
from catalog.domain.feature import FeatureSpec, MeteredFeature, UsageBehavior, UsageSource, same_feature, settle_feature
from catalog.domain.meter import Aggregation, Filter, Meter, check_meter
from tests.unit.catalog.samples import COUNT, mistakes_of, spec
from tollkeeper.catalog.v1 import feature_pb2

INCREMENTAL, EVENTS = UsageBehavior.INCREMENTAL, UsageSource.EVENTS


def _meter(*conditions: Condition, filters: int = 1) -> Meter:
    return replace(COUNT, filters=(Filter(conditions),) * filters)


IS_SET = Condition("tail", IsSet(is_set=True))


@pytest.mark.parametrize(
    ("meter", "paths"),
    [
        (_meter(IS_SET), set()),
        (replace(COUNT, event_names=()), {"m.event_names"}),
        (replace(COUNT, event_names=tuple(f"e{n}" for n in range(16))), set()),
        (replace(COUNT, event_names=tuple(f"e{n}" for n in range(17))), {"m.event_names"}),
        (replace(COUNT, event_names=("a", "a b", "a")), {"m.event_names[1]", "m.event_names[2]"}),
        (replace(COUNT, aggregation=None), {"m.aggregation"}),
        (replace(COUNT, field="x"), {"m.field"}),
        (replace(COUNT, aggregation=Aggregation.SUM), {"m.field"}),
        (replace(COUNT, aggregation=Aggregation.SUM, field="distance"), set()),
        (replace(COUNT, aggregation=Aggregation.UNIQUE, field="x" * 128), set()),
        (replace(COUNT, aggregation=Aggregation.UNIQUE, field="x" * 129), {"m.field"}),
        *[
            (replace(COUNT, aggregation=Aggregation(word), field="x"), set())
            for word in ("MAX", "MIN", "AVG", "LATEST")
        ],
        *[(replace(COUNT, aggregation=Aggregation(word)), {"m.field"}) for word in ("MAX", "MIN", "AVG", "LATEST")],
        (_meter(IS_SET, filters=10), set()),
        (_meter(IS_SET, filters=11), {"m.filters"}),
        (_meter(), {"m.filters[0].conditions"}),
        (_meter(*[IS_SET] * 10), set()),
        (_meter(*[IS_SET] * 11), {"m.filters[0].conditions"}),
        (_meter(Condition("", None)), {"m.filters[0].conditions[0].field", "m.filters[0].conditions[0].test"}),
        (_meter(Condition("x", Equals(None))), {"m.filters[0].conditions[0].equals.kind"}),
        (_meter(Condition("x", Equals(StringValue("s" * 1_024)))), set()),
        (_meter(Condition("x", Equals(StringValue("s" * 1_025)))), {"m.filters[0].conditions[0].equals.string_value"}),
        (_meter(Condition("x", Equals(NumberValue("-1.5")))), set()),
        (_meter(Condition("x", Equals(NumberValue("1e3")))), {"m.filters[0].conditions[0].equals.number_value"}),
        (_meter(Condition("x", Equals(BoolValue(truth=False)))), set()),
        (_meter(Condition("x", NotEquals(StringValue("a")))), set()),
        (_meter(Condition("x", NotEquals(None))), {"m.filters[0].conditions[0].not_equals.kind"}),
        (_meter(Condition("x", NotEquals(NumberValue("")))), {"m.filters[0].conditions[0].not_equals.number_value"}),
        (_meter(Condition("x", In(()))), {"m.filters[0].conditions[0].in.values"}),
        (_meter(Condition("x", In((StringValue("a"),) * 100))), set()),
        (_meter(Condition("x", In((StringValue("a"),) * 101))), {"m.filters[0].conditions[0].in.values"}),
        (
            _meter(IS_SET, Condition("x", In((StringValue("a"), None, NumberValue("x"))))),
            {
                "m.filters[0].conditions[1].in.values[1].kind",
                "m.filters[0].conditions[1].in.values[2].number_value",
            },
        ),
    ],
)
def test_meters(meter: Meter, paths: set[str]) -> None:
    assert mistakes_of(check_meter, meter, "m").keys() == paths


@pytest.mark.parametrize("test", TextTest)
def test_a_part_of_a_text_is_a_text_that_a_dimension_can_have(test: TextTest) -> None:
    def mistakes(text: str) -> dict[str, str]:
        return mistakes_of(check_meter, _meter(IS_SET, Condition("x", HasText(test, text))), "m")

    path = f"m.filters[0].conditions[1].{test}"
    assert mistakes("s") == mistakes("s" * 1_024) == mistakes("1e3") == {}
    assert mistakes("s" * 1_025) == {path: "must have at most 1,024 characters, not 1,025"}
    assert mistakes("") == {path: "must not be empty: every text has the empty one in it; use is_set"}


@pytest.mark.parametrize("test", NumberTest)
def test_a_bound_is_a_number(test: NumberTest) -> None:
    def mistakes(number: str) -> dict[str, str]:
        return mistakes_of(check_meter, _meter(IS_SET, Condition("x", Compares(test, number))), "m")

    path = f"m.filters[0].conditions[1].{test}"
    assert mistakes("0") == mistakes("-1.50") == mistakes("9" * 18 + "." + "9" * 12) == {}
    for number in ("", "NaN", "1e3", "Infinity", "9" * 19, "0." + "1" * 13, "true", "٣"):
        assert mistakes(number).keys() == {path}, number


def test_a_condition_without_a_test_is_told_every_test_there_is() -> None:
    said = mistakes_of(check_meter, _meter(Condition("x", None)), "m")["m.filters[0].conditions[0].test"]
    tests = {field.name for field in feature_pb2.Condition.DESCRIPTOR.oneofs_by_name["test"].fields}
    assert set(re.split(", | or ", said.removeprefix("must be "))) == tests


def test_the_contract_and_the_domain_have_the_same_words() -> None:
    tests = {*TextTest, *NumberTest, "equals", "not_equals", "in", "is_set"}
    assert {field.name for field in feature_pb2.Condition.DESCRIPTOR.oneofs_by_name["test"].fields} == tests
    words = {name.removeprefix("AGGREGATION_") for name in feature_pb2.Aggregation.keys()}  # noqa: SIM118 - no mapping.
    assert words == {*Aggregation, "UNSPECIFIED"}


def _testing(test: Test) -> FeatureSpec:
    meter = replace(COUNT, filters=(Filter((Condition("x", test),)),))
    return settle_feature(spec("m", MeteredFeature(INCREMENTAL, EVENTS, meter)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (NotEquals(NumberValue("1.50")), NotEquals(NumberValue("+1.5"))),
        (Compares(NumberTest.LESS_THAN, "-0"), Compares(NumberTest.LESS_THAN, "0.000")),
        (Compares(NumberTest.GREATER_THAN, "007"), Compares(NumberTest.GREATER_THAN, "7")),
        (HasText(TextTest.CONTAINS, "1.50"), HasText(TextTest.CONTAINS, "1.50")),
    ],
)
def test_numbers_written_otherwise_test_the_same(one: Test, other: Test) -> None:
    assert same_feature(_testing(one), _testing(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Equals(StringValue("1")), Equals(NumberValue("1"))),
        (Equals(NumberValue("1")), NotEquals(NumberValue("1"))),
        (Equals(BoolValue(truth=True)), In((BoolValue(truth=False),))),
        (HasText(TextTest.CONTAINS, "1.50"), HasText(TextTest.CONTAINS, "1.5")),
        (HasText(TextTest.STARTS_WITH, "a"), HasText(TextTest.ENDS_WITH, "a")),
        (Compares(NumberTest.LESS_THAN, "1"), Compares(NumberTest.LESS_THAN_OR_EQUAL, "1")),
        (Compares(NumberTest.GREATER_THAN, "1"), Compares(NumberTest.GREATER_THAN, "2")),
    ],
)
def test_other_tests_are_other_meters(one: Test, other: Test) -> None:
    assert not same_feature(_testing(one), _testing(other))
