"""Which features are well formed, what they mean, and what they keep for ever."""

from dataclasses import replace

import pytest

from catalog.domain.condition import Condition, In, IsSet, NumberValue, StringValue
from catalog.domain.feature import (
    BooleanFeature,
    EnumFeature,
    FeatureSpec,
    MeteredFeature,
    NumericFeature,
    UsageBehavior,
    UsageSource,
    same_feature,
    settle_feature,
)
from catalog.domain.feature_rules import check_feature, fixed_differences
from catalog.domain.meter import Aggregation, Filter, Meter
from tests.unit.catalog import samples
from tests.unit.catalog.samples import CALLS, COUNT, SEATS, SSO, SUPPORT, mistakes_of, spec

INCREMENTAL, FLUCTUATING = UsageBehavior.INCREMENTAL, UsageBehavior.FLUCTUATING
CALCULATED, EVENTS = UsageSource.CALCULATED, UsageSource.EVENTS
THRESHOLDS = "f.metered.thresholds.percents"


def _announcing(*percents: int) -> FeatureSpec:
    return spec("m", MeteredFeature(INCREMENTAL, CALCULATED, thresholds=percents))


@pytest.mark.parametrize("feature", samples.FEATURES.values(), ids=samples.FEATURES.keys())
def test_well_formed_features_have_no_mistakes(feature: FeatureSpec) -> None:
    assert mistakes_of(check_feature, feature, "feature") == {}


@pytest.mark.parametrize(
    ("feature", "paths"),
    [
        (replace(SSO, id=""), {"f.id"}),
        (replace(SSO, id="-a"), {"f.id"}),
        (replace(SSO, id="a" * 129), {"f.id"}),
        (replace(SSO, display_name="x" * 200, description="x" * 2_000), set()),
        (replace(SSO, display_name="x" * 201, description="x" * 2_001), {"f.display_name", "f.description"}),
        (replace(SSO, type=None), {"f.type"}),
        (spec("e", EnumFeature(())), {"f.enum.values"}),
        (spec("e", EnumFeature(("a", "b b", "a"))), {"f.enum.values[1]", "f.enum.values[2]"}),
        (spec("e", EnumFeature(tuple(f"v{n}" for n in range(100)))), set()),
        (spec("e", EnumFeature(tuple(f"v{n}" for n in range(101)))), {"f.enum.values"}),
        (spec("n", NumericFeature()), set()),
        (
            spec("n", NumericFeature("u" * 101, "u" * 101)),
            {"f.numeric.unit_singular", "f.numeric.unit_plural"},
        ),
        (spec("m", MeteredFeature(None, None)), {"f.metered.usage_behavior", "f.metered.usage_source"}),
        (spec("m", MeteredFeature(INCREMENTAL, EVENTS)), {"f.metered.meter"}),
        (spec("m", MeteredFeature(INCREMENTAL, CALCULATED, COUNT)), {"f.metered.meter"}),
        (spec("m", MeteredFeature(INCREMENTAL, CALCULATED, None, "u" * 100, "u" * 100)), set()),
        (
            spec("m", MeteredFeature(INCREMENTAL, CALCULATED, None, "u" * 101, "u" * 101)),
            {"f.metered.unit_singular", "f.metered.unit_plural"},
        ),
        (_announcing(), set()),
        (_announcing(1, 1_000), set()),
        (_announcing(*range(1, 11)), set()),
        (_announcing(*range(1, 12)), {THRESHOLDS}),
        (_announcing(0, 80, -1, 1_001), {f"{THRESHOLDS}[0]", f"{THRESHOLDS}[2]", f"{THRESHOLDS}[3]"}),
        (_announcing(80, 100, 80, 80), {f"{THRESHOLDS}[2]", f"{THRESHOLDS}[3]"}),
        (replace(SSO, shadow_mode=True), set()),
    ],
)
def test_each_mistake_is_named_by_its_path(feature: FeatureSpec, paths: set[str]) -> None:
    assert mistakes_of(check_feature, feature, "f").keys() == paths


@pytest.mark.parametrize(
    ("said", "settled"),
    [(None, (80, 100)), ((), ()), ((100, 80), (80, 100)), ((5,), (5,)), ((1_000, 1, 50), (1, 50, 1_000))],
)
def test_thresholds_have_an_order_and_a_default(said: tuple[int, ...] | None, settled: tuple[int, ...]) -> None:
    metered = settle_feature(spec("m", MeteredFeature(INCREMENTAL, CALCULATED, thresholds=said))).type
    assert isinstance(metered, MeteredFeature)
    assert metered.thresholds == settled


@pytest.mark.parametrize(
    ("singular", "plural", "settled"),
    [
        ("", "", ("unit", "units")),
        ("gate", "", ("gate", "gates")),
        ("aircraft", "aircraft", ("aircraft", "aircraft")),
        ("", "pieces", ("unit", "pieces")),
        ("u" * 100, "", ("u" * 100, "u" * 100)),
    ],
)
def test_units_have_defaults(singular: str, plural: str, settled: tuple[str, str]) -> None:
    metered = settle_feature(spec("m", MeteredFeature(INCREMENTAL, CALCULATED, None, singular, plural))).type
    assert isinstance(metered, MeteredFeature)
    assert (metered.unit_singular, metered.unit_plural) == settled


def test_an_empty_name_is_the_id() -> None:
    assert settle_feature(SSO).display_name == "sso"


IS_SET = Condition("tail", IsSet(is_set=True))


def test_features_are_equal_by_meaning() -> None:
    conditions = (IS_SET, Condition("x", In((NumberValue("1.50"), StringValue("a")))))
    meter = Meter(("a", "b"), (Filter(conditions), Filter((IS_SET,))), Aggregation.COUNT)
    turned = Meter(
        ("b", "a"),
        (Filter((IS_SET,)), Filter((Condition("x", In((StringValue("a"), NumberValue("1.5")))), IS_SET))),
        Aggregation.COUNT,
    )
    one = settle_feature(spec("m", MeteredFeature(INCREMENTAL, EVENTS, meter)))
    assert same_feature(one, settle_feature(spec("m", MeteredFeature(INCREMENTAL, EVENTS, turned))))
    assert not same_feature(one, settle_feature(CALLS))
    assert same_feature(spec("e", EnumFeature(("a", "b"))), spec("e", EnumFeature(("b", "a"))))
    assert not same_feature(one, replace(one, shadow_mode=True))


def test_thresholds_are_equal_whatever_their_order() -> None:
    unsaid = settle_feature(spec("m", MeteredFeature(INCREMENTAL, CALCULATED)))
    assert same_feature(unsaid, settle_feature(_announcing(100, 80)))
    assert not same_feature(unsaid, settle_feature(_announcing()))
    assert not same_feature(unsaid, settle_feature(_announcing(80)))


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [
        (SSO, replace(SSO, display_name="Single sign-on"), []),
        (SSO, replace(SSO, type=EnumFeature(("a",))), ["enum"]),
        (SUPPORT, replace(SUPPORT, type=EnumFeature(("phone", "chat", "email"))), []),
        (SUPPORT, replace(SUPPORT, type=EnumFeature(("phone",))), ["enum.values"]),
        (SUPPORT, replace(SUPPORT, type=BooleanFeature()), ["boolean"]),
        (SEATS, replace(SEATS, type=MeteredFeature(FLUCTUATING, CALCULATED, None, "seat", "seats")), []),
        (SEATS, replace(SEATS, type=MeteredFeature(INCREMENTAL, CALCULATED)), ["metered.usage_behavior"]),
        (SEATS, replace(SEATS, type=MeteredFeature(FLUCTUATING, EVENTS, COUNT)), ["metered.usage_source"]),
        (
            SEATS,
            replace(SEATS, type=MeteredFeature(INCREMENTAL, EVENTS, COUNT)),
            ["metered.usage_behavior", "metered.usage_source"],
        ),
        (
            CALLS,
            replace(CALLS, type=MeteredFeature(INCREMENTAL, EVENTS, replace(COUNT, event_names=("b",)))),
            ["metered.meter"],
        ),
        (SEATS, replace(SEATS, type=None), []),
        (SEATS, replace(SEATS, type=MeteredFeature(FLUCTUATING, CALCULATED, thresholds=())), []),
        (SEATS, replace(SEATS, shadow_mode=True), []),
    ],
)
def test_what_a_feature_keeps_for_ever(old: FeatureSpec, new: FeatureSpec, fields: list[str]) -> None:
    assert [field for field, _ in fixed_differences(settle_feature(old), settle_feature(new))] == fields


def test_a_number_has_units_and_keeps_its_type() -> None:
    number = spec("days", NumericFeature("day"))
    assert settle_feature(number).type == NumericFeature("day", "days")
    assert settle_feature(spec("days", NumericFeature())).type == NumericFeature("unit", "units")
    assert list(fixed_differences(number, spec("days", NumericFeature("Tag", "Tage")))) == []
    assert [field for field, _ in fixed_differences(number, SSO)] == ["boolean"]
    assert not same_feature(number, SSO)


def test_an_archived_feature_is_another_one() -> None:
    assert not same_feature(SSO, replace(SSO, archived=True))
    assert samples.feature(replace(SSO, archived=True)).archived
