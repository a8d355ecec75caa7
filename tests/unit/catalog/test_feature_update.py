"""What updates of features, products and plans may change, and how their masks are read."""

from dataclasses import replace

import pytest

from catalog.domain.add_on import AddOn
from catalog.domain.feature import (
    BooleanFeature,
    EnumFeature,
    FeatureSpec,
    MeteredFeature,
    NumericFeature,
    UsageBehavior,
    UsageSource,
)
from catalog.domain.feature_update import revise_feature
from catalog.domain.names_update import revise_offering, revise_product
from catalog.domain.offering import OfferingSpec, create_offering
from catalog.domain.product import Product, ProductSpec
from kernel.errors import ErrorKind, TollkeeperError
from tests.unit.catalog import samples
from tests.unit.catalog.samples import CALLS, COUNT, DAYS, NOW, SEATS, SSO, SUPPORT

SEAT = MeteredFeature(UsageBehavior.FLUCTUATING, UsageSource.CALCULATED, None, "seat", "people", (80, 100))
LOUD = replace(SEAT, thresholds=(90, 50))
UNSAID = MeteredFeature(None, None, None, "seat", "people")


@pytest.mark.parametrize(
    ("old", "written", "paths", "expected"),
    [
        (SSO, replace(SSO, display_name="A", description="B"), [], {"display_name": "A", "description": "B"}),
        (SSO, replace(SSO, display_name="A", description="B"), ["description"], {"description": "B"}),
        (replace(SSO, display_name="A"), SSO, ["display_name"], {"display_name": "sso"}),
        (SSO, replace(SSO, type=None, display_name="A"), [], {"display_name": "A", "type": BooleanFeature()}),
        (SSO, SSO, ["boolean"], {"type": BooleanFeature()}),
        (SEATS, replace(SEATS, type=SEAT), [], {"type": SEAT}),
        (SEATS, replace(SEATS, type=UNSAID), [], {"type": SEAT}),
        (SEATS, replace(SEATS, type=UNSAID), ["metered"], {"type": SEAT}),
        (
            SEATS,
            replace(SEATS, type=UNSAID),
            ["metered.unit_singular"],
            {"type": replace(SEAT, unit_plural="units")},
        ),
        (
            SEATS,
            replace(SEATS, type=None),
            ["metered.unit_plural"],
            {"type": replace(SEAT, unit_singular="unit", unit_plural="units")},
        ),
        (
            SUPPORT,
            replace(SUPPORT, type=EnumFeature(("chat", "email", "phone"))),
            ["enum.values"],
            {"type": EnumFeature(("chat", "email", "phone"))},
        ),
        (SEATS, replace(SEATS, type=LOUD), [], {"type": replace(SEAT, thresholds=(50, 90))}),
        (
            SEATS,
            replace(SEATS, type=LOUD),
            ["metered.thresholds"],
            {"type": replace(SEAT, unit_singular="unit", unit_plural="units", thresholds=(50, 90))},
        ),
        (
            replace(SEATS, type=LOUD),
            replace(SEATS, type=SEAT),
            ["metered.unit_plural"],
            {"type": replace(LOUD, thresholds=(50, 90))},
        ),
        (replace(SEATS, type=LOUD), replace(SEATS, type=UNSAID), ["metered"], {"type": SEAT}),
        (replace(SEATS, type=LOUD), replace(SEATS, type=None), ["metered.thresholds"], {"type": SEAT}),
        (
            replace(SEATS, type=LOUD),
            replace(SEATS, type=UNSAID),
            ["metered.thresholds.percents"],
            {"type": replace(SEAT, thresholds=())},
        ),
        (
            replace(SEATS, type=LOUD),
            replace(SEATS, type=replace(SEAT, thresholds=())),
            ["metered.thresholds"],
            {"type": replace(SEAT, thresholds=())},
        ),
        (SSO, replace(SSO, shadow_mode=True), [], {"shadow_mode": True}),
        (
            SSO,
            replace(SSO, shadow_mode=True, display_name="A"),
            ["shadow_mode"],
            {"shadow_mode": True, "display_name": "sso"},
        ),
        (replace(SSO, shadow_mode=True), SSO, ["display_name"], {"shadow_mode": True}),
        (replace(SSO, shadow_mode=True), SSO, [], {"shadow_mode": False}),
        (SSO, replace(SSO, archived=True), [], {"archived": True}),
        (SSO, replace(SSO, archived=True, display_name="A"), ["archived"], {"archived": True, "display_name": "sso"}),
        (replace(SSO, archived=True), SSO, ["display_name"], {"archived": True}),
        (replace(SSO, archived=True), SSO, [], {"archived": False}),
        (DAYS, replace(DAYS, type=NumericFeature("Tag", "Tage")), [], {"type": NumericFeature("Tag", "Tage")}),
        (
            DAYS,
            replace(DAYS, type=NumericFeature("Tag", "Tage")),
            ["numeric.unit_plural"],
            {"type": NumericFeature("day", "Tage")},
        ),
        (DAYS, replace(DAYS, type=None), ["numeric"], {"type": NumericFeature("unit", "units")}),
        (
            SUPPORT,
            replace(SUPPORT, type=EnumFeature(("chat", "email", "phone"))),
            ["display_name"],
            {"type": EnumFeature(("email", "phone"))},
        ),
    ],
)
def test_named_fields_are_taken(
    old: FeatureSpec, written: FeatureSpec, paths: list[str], expected: dict[str, object]
) -> None:
    revised = revise_feature(samples.feature(old), written, paths)
    assert {name: getattr(revised, name) for name in expected} == expected
    assert revised.id == old.id


@pytest.mark.parametrize(
    ("old", "written", "paths", "field"),
    [
        (SSO, SSO, ["id"], "id"),
        (SSO, replace(SSO, type=EnumFeature(("a",))), [], "type"),
        (SSO, SSO, ["enum.values"], "type"),
        (SSO, SSO, ["metered.unit_plural"], "type"),
        (SSO, SSO, ["numeric.unit_plural"], "type"),
        (DAYS, replace(DAYS, type=BooleanFeature()), [], "type"),
        (SEATS, replace(SEATS, type=BooleanFeature()), ["metered"], "type"),
        (SEATS, SEATS, ["metered.usage_behavior"], "metered.usage_behavior"),
        (SEATS, SEATS, ["display_name", "metered.usage_source"], "metered.usage_source"),
        (CALLS, CALLS, ["metered.meter"], "metered.meter"),
        (CALLS, CALLS, ["metered.meter.field"], "metered.meter.field"),
        (
            SEATS,
            replace(SEATS, type=replace(SEAT, usage_behavior=UsageBehavior.INCREMENTAL)),
            [],
            "metered.usage_behavior",
        ),
        (
            CALLS,
            replace(CALLS, type=MeteredFeature(None, None, replace(COUNT, event_names=("other",)))),
            [],
            "metered.meter",
        ),
        (SUPPORT, replace(SUPPORT, type=EnumFeature(("email",))), [], "enum.values"),
        (SUPPORT, replace(SUPPORT, type=EnumFeature(("email",))), ["enum"], "enum.values"),
    ],
)
def test_what_never_changes_is_a_precondition(
    old: FeatureSpec, written: FeatureSpec, paths: list[str], field: str
) -> None:
    with pytest.raises(TollkeeperError) as refused:
        revise_feature(samples.feature(old), written, paths)
    assert (refused.value.kind, refused.value.reason) == (ErrorKind.FAILED_PRECONDITION, "FEATURE_IMMUTABLE_FIELD")
    assert refused.value.metadata == {"field": field}


@pytest.mark.parametrize("paths", [[], ["metered"], ["metered.thresholds"], ["metered.thresholds.percents"]])
def test_wrong_thresholds_are_all_named(paths: list[str]) -> None:
    written = replace(SEATS, type=replace(SEAT, thresholds=(0, 80, 80, 1_001)))
    with pytest.raises(TollkeeperError, match="INVALID_FIELD") as refused:
        revise_feature(samples.feature(SEATS), written, paths)
    named = {
        violation.path.removeprefix("feature.metered.thresholds.percents") for violation in refused.value.violations
    }
    assert named == {"[0]", "[2]", "[3]"}


@pytest.mark.parametrize(
    ("written", "paths", "violations"),
    [
        (SSO, ["colour", "revision", "display_name"], ["update_mask.paths[0]", "update_mask.paths[1]"]),
        (SSO, ["*"], ["update_mask.paths[0]"]),
        (SSO, ["display_name"] * 101, ["update_mask.paths"]),
        (replace(SSO, display_name="x" * 201), ["display_name"], ["feature.display_name"]),
        (replace(SSO, description="x" * 2_001), [], ["feature.description"]),
    ],
)
def test_wrong_masks_and_values_are_named(written: FeatureSpec, paths: list[str], violations: list[str]) -> None:
    with pytest.raises(TollkeeperError) as refused:
        revise_feature(samples.feature(SSO), written, paths)
    assert refused.value.reason == "INVALID_FIELD"
    assert [violation.path for violation in refused.value.violations] == violations


PRODUCT = Product("product", "Product", "Old", 1, NOW, NOW)


def test_products_change_what_is_named() -> None:
    written = ProductSpec("product", "", "New")
    assert revise_product(PRODUCT, written, []) == ProductSpec("product", "product", "New")
    assert revise_product(PRODUCT, written, ["description"]) == ProductSpec("product", "Product", "New")
    several = ProductSpec("product", "Product", "Old", multiple_subscriptions=True)
    assert revise_product(PRODUCT, several, []) == several
    assert revise_product(PRODUCT, several, ["multiple_subscriptions"]) == several
    assert revise_product(PRODUCT, several, ["description"]) == PRODUCT.spec
    for path in ("id", "create_time", "name", "archived"):
        with pytest.raises(TollkeeperError, match="INVALID_FIELD"):
            revise_product(PRODUCT, written, [path])


@pytest.mark.parametrize(
    ("product_id", "paths", "reason"),
    [
        ("", [], None),
        ("product", [], None),
        ("other", ["display_name"], None),
        ("other", [], "PLAN_IMMUTABLE_FIELD"),
        ("product", ["product_id"], "PLAN_IMMUTABLE_FIELD"),
        ("product", ["latest_version"], "INVALID_FIELD"),
        ("product", ["has_draft"], "INVALID_FIELD"),
        ("product", ["content"], "INVALID_FIELD"),
        ("product", ["etag"], "INVALID_FIELD"),
        ("product", ["carried_version"], "INVALID_FIELD"),
    ],
)
def test_a_plan_never_changes_its_product(product_id: str, paths: list[str], reason: str | None) -> None:
    written = OfferingSpec("gold", product_id, "Best", "")
    if reason is None:
        assert revise_offering(samples.plan(), written, paths) == OfferingSpec("gold", "product", "Best", "")
        return
    with pytest.raises(TollkeeperError, match=reason):
        revise_offering(samples.plan(), written, paths)


def test_plans_and_add_ons_are_archived_and_brought_back() -> None:
    add_on = create_offering(AddOn, OfferingSpec("extra", "product", "Extra", ""), NOW, revision=1)
    archived = OfferingSpec("extra", "", "Ignored", "", archived=True)
    assert revise_offering(add_on, archived, ["archived"]) == OfferingSpec(
        "extra", "product", "Extra", "", archived=True
    )
    back = revise_offering(replace(add_on, archived=True), OfferingSpec("extra", "", "Extra", ""), [])
    assert back == OfferingSpec("extra", "product", "Extra", "")
    with pytest.raises(TollkeeperError, match="ADD_ON_IMMUTABLE_FIELD") as refused:
        revise_offering(add_on, OfferingSpec("extra", "other", "", ""), [])
    assert refused.value.metadata == {"add_on_id": "extra", "field": "product_id"}
