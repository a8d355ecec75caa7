"""From a draft to a version that never changes."""

import pytest

from catalog.domain.entitlement import BooleanEntitlement
from catalog.domain.offering import (
    OfferingSpec,
    VersionState,
    change_offering,
    check_draft_open,
    check_offering,
    discard_draft,
    draft_of,
    save_draft,
    settle_offering,
)
from catalog.domain.plan import Completion, PlanVersion, complete_version, publish_plan
from catalog.domain.product import ProductSpec, check_product, settle_product
from kernel.errors import ErrorKind, TollkeeperError
from tests.unit.catalog.samples import (
    FLAT_FEE,
    FLAT_RATE,
    LATER,
    NOW,
    SEATS,
    SSO,
    entitled,
    feature,
    mistakes_of,
    paid,
    plan,
)

CONTENT = paid(FLAT_FEE, FLAT_RATE, entitlements=(entitled("sso", BooleanEntitlement()),))


@pytest.mark.parametrize(
    ("spec", "paths"),
    [
        (OfferingSpec("gold", "product", "", ""), set()),
        (OfferingSpec("", "", "", ""), {"p.id", "p.product_id"}),
        (
            OfferingSpec("a/b", "a b", "x" * 201, "x" * 2_001),
            {"p.id", "p.product_id", "p.display_name", "p.description"},
        ),
    ],
)
def test_plans(spec: OfferingSpec, paths: set[str]) -> None:
    assert mistakes_of(check_offering, spec, "p").keys() == paths


def test_names_fall_back_on_ids() -> None:
    assert settle_offering(OfferingSpec("gold", "product", "", "")).display_name == "gold"
    assert settle_product(ProductSpec("product", "", "")).display_name == "product"
    assert settle_product(ProductSpec("product", "Product", "")).display_name == "Product"


def test_products() -> None:
    assert mistakes_of(check_product, ProductSpec("ä", "x" * 201, "x" * 2_001), "p").keys() == {
        "p.id",
        "p.display_name",
        "p.description",
    }


def test_a_draft_carries_the_number_it_will_have() -> None:
    drafted = save_draft(plan(latest_version=2), LATER, revision=7)
    assert (drafted.has_draft, drafted.revision, drafted.update_time, drafted.create_time) == (True, 7, LATER, NOW)
    draft = draft_of(PlanVersion, drafted, CONTENT)
    assert (draft.version, draft.state, draft.features, draft.publish_time) == (3, VersionState.DRAFT, (), None)
    check_draft_open(drafted)
    assert not discard_draft(drafted, LATER, revision=8).has_draft


def test_without_a_draft_there_is_nothing_to_publish_or_discard() -> None:
    for refuse in (lambda: check_draft_open(plan()), lambda: discard_draft(plan(), LATER, revision=2)):
        with pytest.raises(TollkeeperError) as refused:
            refuse()
        assert (refused.value.kind, refused.value.reason) == (ErrorKind.FAILED_PRECONDITION, "DRAFT_NOT_OPEN")


def test_a_published_version_is_complete() -> None:
    features = {each.id: feature(each, display_name=each.id.title()) for each in (SEATS, SSO)}
    drafted = save_draft(plan(latest_version=2), NOW, revision=2)
    version = complete_version(drafted, CONTENT, Completion(features), now=LATER)
    published = publish_plan(drafted, version, LATER, revision=9, carry=False)
    assert (published.latest_version, published.has_draft, published.revision) == (3, False, 9)
    assert (version.id, version.version, version.product_id) == ("gold", 3, "product")
    assert (version.state, version.publish_time, version.display_name) == (VersionState.PUBLISHED, LATER, "Gold")
    assert version.features == (features["seats"], features["sso"])
    assert [charge.display_name for charge in version.content.charges] == ["Gold", "Seats"]


def test_a_renamed_plan_keeps_its_versions_and_product() -> None:
    renamed = change_offering(
        plan(latest_version=2, has_draft=True), OfferingSpec("gold", "x", "Best", "B"), LATER, revision=5
    )
    assert (renamed.display_name, renamed.description, renamed.product_id) == ("Best", "B", "product")
    assert (renamed.latest_version, renamed.has_draft, renamed.revision) == (2, True, 5)
