"""Neighbours' messages become values, and decisions become messages that are complete."""

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest

from entitlements.domain.decision import Decision, Reason, Standing
from entitlements.domain.entitlement import Source
from entitlements.domain.feature import Feature, FeatureType, UsageSource
from entitlements.domain.plan import (
    AddOnGrant,
    BooleanGrant,
    Carried,
    CommittedGrant,
    EnumGrant,
    MeteredGrant,
    NumericGrant,
    Reset,
    ResetInterval,
)
from entitlements.messages.decision import decision_to_proto
from entitlements.messages.feature import feature_from_proto
from entitlements.messages.plan import carried_from_proto, plan_version_from_proto
from entitlements.messages.usage import recurrence_to_proto, window_from_proto
from kernel.period import Period
from kernel.recurrence import Interval, Recurrence
from kit.proto import period_to_proto, timestamp_to_proto
from tests.unit.entitlements.build import START, metered, numeric, utc
from tollkeeper.catalog.v1 import add_on_pb2, charge_pb2, entitlement_pb2, feature_pb2, plan_pb2
from tollkeeper.entitlements.v1 import decision_pb2
from tollkeeper.metering.v1 import tracker_pb2


@pytest.mark.parametrize(
    ("metered_feature", "expected"),
    [
        (
            feature_pb2.MeteredFeature(
                usage_source=feature_pb2.USAGE_SOURCE_EVENTS, unit_singular="box", unit_plural="boxes"
            ),
            Feature("f", FeatureType.METERED, "f", UsageSource.EVENTS, "box", "boxes", 3),
        ),
        (
            feature_pb2.MeteredFeature(usage_source=feature_pb2.USAGE_SOURCE_CALCULATED, unit_singular="gate"),
            Feature("f", FeatureType.METERED, "f", UsageSource.CALCULATED, "gate", "gates", 3),
        ),
        (
            feature_pb2.MeteredFeature(usage_source=feature_pb2.USAGE_SOURCE_CALCULATED),
            Feature("f", FeatureType.METERED, "f", UsageSource.CALCULATED, "unit", "units", 3),
        ),
    ],
)
def test_metered_features_have_words_for_their_units(
    metered_feature: feature_pb2.MeteredFeature, expected: Feature
) -> None:
    assert feature_from_proto(feature_pb2.Feature(id="f", revision=3, metered=metered_feature)) == expected


def test_numeric_features_have_words_for_their_units() -> None:
    days = feature_pb2.NumericFeature(unit_singular="day")
    message = feature_pb2.Feature(id="f", display_name="History", revision=3, numeric=days)
    assert feature_from_proto(message) == Feature("f", FeatureType.NUMERIC, "History", None, "day", "days", 3)


def test_a_feature_of_an_unknown_type_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="unknown type"):
        feature_from_proto(feature_pb2.Feature(id="f"))


RESET = entitlement_pb2.UsageReset(
    interval=entitlement_pb2.RESET_INTERVAL_WEEK,
    anchor=entitlement_pb2.RESET_ANCHOR_CALENDAR,
    week_start=entitlement_pb2.WEEKDAY_SUNDAY,
)
YEARLY = entitlement_pb2.UsageReset(interval=entitlement_pb2.RESET_INTERVAL_YEAR)


def published(content: plan_pb2.PlanContent) -> plan_pb2.PlanVersion:
    """A version without a base plan."""
    effective = content.entitlements
    return plan_pb2.PlanVersion(plan_id="plan", version=4, content=content, effective_entitlements=effective)


def test_what_a_version_grants_by_entitlements_and_by_charges() -> None:
    content = plan_pb2.PlanContent(
        entitlements=[
            entitlement_pb2.Entitlement(feature_id="b", boolean=entitlement_pb2.BooleanEntitlement()),
            entitlement_pb2.Entitlement(feature_id="e", enum=entitlement_pb2.EnumEntitlement(values=["x", "y"])),
            entitlement_pb2.Entitlement(
                feature_id="m",
                metered=entitlement_pb2.MeteredEntitlement(limit="5.5", soft_limit=True, usage_reset=RESET),
            ),
            entitlement_pb2.Entitlement(feature_id="n", numeric=entitlement_pb2.NumericEntitlement(value="7.50")),
            entitlement_pb2.Entitlement(
                feature_id="u",
                metered=entitlement_pb2.MeteredEntitlement(unlimited=entitlement_pb2.Unlimited(), usage_reset=YEARLY),
            ),
        ],
        charges=[
            charge_pb2.Charge(id="1", billing_model=charge_pb2.BILLING_MODEL_FLAT_FEE),
            charge_pb2.Charge(id="2", billing_model=charge_pb2.BILLING_MODEL_PER_UNIT, feature_id="p"),
            charge_pb2.Charge(
                id="3",
                billing_model=charge_pb2.BILLING_MODEL_PER_UNIT,
                feature_id="q",
                minimum_quantity="2.5",
                usage_reset=YEARLY,
            ),
            charge_pb2.Charge(id="4", billing_model=charge_pb2.BILLING_MODEL_USAGE_BASED, feature_id="r"),
            charge_pb2.Charge(
                id="5", billing_model=charge_pb2.BILLING_MODEL_USAGE_BASED, feature_id="s", usage_reset=RESET
            ),
        ],
    )
    version = plan_version_from_proto(published(content))
    weekly = Reset(ResetInterval.WEEK, at_calendar=True, week_start=6)
    yearly = Reset(ResetInterval.YEAR)
    assert (version.plan_id, version.version, version.included_version) == ("plan", 4, 4)
    assert version.included == {
        "b": BooleanGrant(),
        "e": EnumGrant(("x", "y")),
        "n": NumericGrant(Decimal("7.5")),
        "m": MeteredGrant(Decimal("5.5"), soft=True, reset=weekly),
        "u": MeteredGrant(None, soft=False, reset=yearly),
    }
    assert version.sold == {
        "p": CommittedGrant(Decimal(1), None),
        "q": CommittedGrant(Decimal("2.5"), yearly),
        "r": MeteredGrant(None, soft=False, reset=Reset(ResetInterval.BILLING_PERIOD)),
        "s": MeteredGrant(None, soft=False, reset=weekly),
    }


def test_what_is_included_beside_the_content_and_what_add_ons_grant() -> None:
    inherited = entitlement_pb2.Entitlement(feature_id="b", boolean=entitlement_pb2.BooleanEntitlement())
    five = entitlement_pb2.MeteredEntitlement(limit="5")
    increment, override = entitlement_pb2.MERGE_BEHAVIOR_INCREMENT, entitlement_pb2.MERGE_BEHAVIOR_OVERRIDE
    add_on = add_on_pb2.AddOnContent(
        entitlements=[
            entitlement_pb2.Entitlement(feature_id="m", metered=five),
            entitlement_pb2.Entitlement(feature_id="p", metered=five, merge_behavior=increment),
            entitlement_pb2.Entitlement(feature_id="o", metered=five, merge_behavior=override),
        ],
        charges=[
            charge_pb2.Charge(id="1", billing_model=charge_pb2.BILLING_MODEL_FLAT_FEE),
            charge_pb2.Charge(id="2", billing_model=charge_pb2.BILLING_MODEL_USAGE_BASED, feature_id="u"),
        ],
    )
    message = plan_pb2.PlanVersion(
        plan_id="plan",
        version=4,
        state=plan_pb2.PLAN_VERSION_STATE_PUBLISHED,
        content=plan_pb2.PlanContent(base_plan_id="base"),
        effective_entitlements=[inherited],
        features=[feature_pb2.Feature(id="b", boolean=feature_pb2.BooleanFeature())],
        add_ons=[
            add_on_pb2.AddOnVersion(
                add_on_id="more",
                content=add_on,
                features=[feature_pb2.Feature(id="m", metered=feature_pb2.MeteredFeature())],
            )
        ],
    )
    version = plan_version_from_proto(message)
    limit = MeteredGrant(Decimal(5), soft=False, reset=None)
    assert version.included == {"b": BooleanGrant()}
    assert version.add_ons == {
        "more": (
            AddOnGrant("m", limit, overrides=False),
            AddOnGrant("p", limit, overrides=False),
            AddOnGrant("o", limit, overrides=True),
            AddOnGrant("u", MeteredGrant(None, soft=False, reset=Reset(ResetInterval.BILLING_PERIOD)), overrides=False),
        )
    }
    assert [feature.id for feature in version.features] == ["b", "m"]
    assert version.feature_ids() == {"b", "m", "p", "o", "u"}


def test_what_a_plan_carries() -> None:
    message = plan_pb2.Plan(id="plan", latest_version=5, carried_version=3, revision=8)
    assert carried_from_proto(message) == Carried("plan", 3, 8)


def test_words_of_a_newer_catalog_are_not_guessed() -> None:
    unknown: Any = 77
    strange = charge_pb2.Charge(id="1", billing_model=unknown)
    merged = entitlement_pb2.Entitlement(
        feature_id="b", boolean=entitlement_pb2.BooleanEntitlement(), merge_behavior=unknown
    )
    for content in (add_on_pb2.AddOnContent(charges=[strange]), add_on_pb2.AddOnContent(entitlements=[merged])):
        message = plan_pb2.PlanVersion(add_ons=[add_on_pb2.AddOnVersion(add_on_id="more", content=content)])
        with pytest.raises(ValueError, match="unknown"):
            plan_version_from_proto(message)
    with pytest.raises(ValueError, match="unknown billing model"):
        plan_version_from_proto(published(plan_pb2.PlanContent(charges=[strange])))


@pytest.mark.parametrize(
    "entitlement",
    [
        entitlement_pb2.Entitlement(feature_id="x"),
        entitlement_pb2.Entitlement(feature_id="x", metered=entitlement_pb2.MeteredEntitlement()),
        entitlement_pb2.Entitlement(
            feature_id="x",
            metered=entitlement_pb2.MeteredEntitlement(limit="1", usage_reset=entitlement_pb2.UsageReset()),
        ),
    ],
)
def test_what_a_version_grants_in_an_unknown_way_is_not_guessed(entitlement: entitlement_pb2.Entitlement) -> None:
    content = plan_pb2.PlanContent(entitlements=[entitlement])
    with pytest.raises(ValueError, match=r"unknown type|neither|not a valid"):
        plan_version_from_proto(published(content))


def test_recurrences_as_metering_reads_them() -> None:
    assert recurrence_to_proto(None) == tracker_pb2.Recurrence()
    message = recurrence_to_proto(Recurrence(Interval.QUARTER, START, "Europe/Berlin"))
    assert (message.interval, message.time_zone) == (tracker_pb2.INTERVAL_QUARTER, "Europe/Berlin")
    assert message.anchor_time.ToDatetime(UTC) == START


def test_a_window_without_usage_is_zero() -> None:
    read = window_from_proto(tracker_pb2.Window(series=tracker_pb2.Series(customer_id="c", feature_id="f")))
    assert (read.value, read.revision, read.start, read.end) == (Decimal(0), 0, None, None)


def test_a_metered_decision_is_complete() -> None:
    source = Source("sub-1", "carrier", 3)
    standing = Standing(source, Decimal("10.50"), True, Decimal(12), START, utc(2026, 2, 28))
    feature = metered()
    decision = Decision(True, Reason.OVER_SOFT_LIMIT, "Why.", "gates", feature, standing, (), source, START)
    message = decision_to_proto(decision)
    assert message == decision_pb2.Decision(
        granted=True,
        reason=decision_pb2.DECISION_REASON_OVER_SOFT_LIMIT,
        explanation="Why.",
        feature_id="gates",
        feature_type=decision_pb2.FEATURE_TYPE_METERED,
        limit="10.5",
        soft_limit=True,
        usage="12",
        remaining="0",
        usage_period=period_to_proto(Period(START, utc(2026, 2, 28))),
        next_reset_time=timestamp_to_proto(utc(2026, 2, 28)),
        source=decision_pb2.Source(subscription_id="sub-1", plan_id="carrier", plan_version=3),
        as_of=timestamp_to_proto(START),
    )


def test_a_numeric_decision_shows_its_number() -> None:
    source = Source("sub-1", "carrier", 3)
    decision = Decision(True, Reason.INCLUDED, "Why.", "history", numeric(), number=Decimal("7.50"), source=source)
    message = decision_to_proto(decision)
    assert (message.feature_type, message.numeric_value) == (decision_pb2.FEATURE_TYPE_NUMERIC, "7.5")
    assert (message.WhichOneof("bound"), message.usage) == (None, "")


def test_an_unlimited_endless_decision_says_so() -> None:
    source = Source("sub-1", "carrier", 3)
    standing = Standing(source, None, False, Decimal(12), None, None)
    message = decision_to_proto(Decision(True, Reason.UNLIMITED, "Why.", "gates", metered(), standing))
    assert (message.WhichOneof("bound"), message.unlimited, message.remaining) == ("unlimited", True, "")
    assert message.HasField("usage_period")
    assert not message.usage_period.HasField("start_time")
    assert not message.HasField("next_reset_time")
    assert not message.HasField("as_of")
