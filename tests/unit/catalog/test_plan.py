"""From a draft to a version that never changes."""

import pytest

from catalog.domain.add_on import AddOn, AddOnVersion
from catalog.domain.add_on_content import AddOnContent
from catalog.domain.charge import Charge
from catalog.domain.entitlement import BooleanEntitlement, Entitlement, Limit, MeteredEntitlement
from catalog.domain.offering import (
    OfferingSpec,
    VersionState,
    change_offering,
    check_draft_open,
    check_etag,
    check_offering,
    create_offering,
    discard_draft,
    draft_of,
    next_version,
    save_draft,
    settle_offering,
)
from catalog.domain.plan import Completion, PlanVersion, complete_version, flattened, publish_plan
from catalog.domain.plan_content import PlanContent
from catalog.domain.product import ProductSpec, check_product, settle_product
from kernel.errors import ErrorKind, TollkeeperError
from tests.unit.catalog.samples import (
    FEATURES,
    FLAT_FEE,
    FLAT_RATE,
    LATER,
    NOW,
    SEATS,
    SSO,
    entitled,
    feature,
    free,
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


def _limit(feature_id: str, units: str) -> Entitlement:
    return entitled(feature_id, MeteredEntitlement(Limit(units)))


@pytest.mark.parametrize(
    ("own", "charged", "inherited", "effective"),
    [
        ((), (), (), ()),
        ((_limit("tokens", "5"),), (), (), (_limit("tokens", "5"),)),
        ((), (), (_limit("tokens", "5"),), (_limit("tokens", "5"),)),
        # Its own replaces the inherited one of the same feature, larger or not.
        ((_limit("tokens", "1"),), (), (_limit("calls", "7"), _limit("tokens", "5")), (_limit("calls", "7"), _limit("tokens", "1"))),
        # What it charges for is granted by its charge alone.
        ((_limit("tokens", "1"),), (FLAT_RATE, FLAT_FEE), (_limit("seats", "5"),), (_limit("tokens", "1"),)),
    ],
)  # fmt: skip
def test_entitlements_are_inherited(
    own: tuple[Entitlement, ...],
    charged: tuple[Charge, ...],
    inherited: tuple[Entitlement, ...],
    effective: tuple[Entitlement, ...],
) -> None:
    assert flattened(PlanContent(own, charged), inherited) == effective


def test_a_version_takes_along_what_it_inherits_and_what_may_be_bought_with_it() -> None:
    features = {each.id: feature(each) for each in FEATURES.values()}
    extra = create_offering(AddOn, OfferingSpec("extra", "product", "Extra", ""), NOW, revision=1)
    sold = next_version(AddOnVersion, extra, AddOnContent((_limit("calls", "5"),)), features, now=NOW)
    assert (sold.version, [each.id for each in sold.features]) == (1, ["calls"])
    base = complete_version(plan("silver"), free(_limit("tokens", "5")), Completion(features), now=NOW)
    completion = Completion(features, base=base, add_ons=[sold], multiple_subscriptions=True)
    version = complete_version(plan(), paid(FLAT_RATE), completion, now=LATER)
    assert [each.feature_id for each in version.effective_entitlements] == ["tokens"]
    assert version.add_ons == (sold,)
    assert version.multiple_subscriptions
    assert [each.id for each in version.features] == ["calls", "seats", "tokens"]
    assert not base.multiple_subscriptions


def test_carrying_moves_one_number_forward_only_when_it_is_asked_for() -> None:
    one = plan()
    numbers = []
    for revision, carry in enumerate((False, True, False, True), start=2):
        version = complete_version(one, free(), Completion({}), now=LATER)
        one = publish_plan(one, version, LATER, revision=revision, carry=carry)
        numbers.append((one.latest_version, one.carried_version))
    assert numbers == [(1, 0), (2, 2), (3, 2), (4, 4)]


def test_an_etag_names_a_state() -> None:
    check_etag(plan(), "")
    check_etag(plan(), plan().etag)
    assert len({plan(revision=number).etag for number in range(100)}) == 100
    with pytest.raises(TollkeeperError) as refused:
        check_etag(plan(revision=2), plan(revision=1).etag)
    assert (refused.value.kind, refused.value.reason) == (ErrorKind.ABORTED, "ETAG_MISMATCH")
    assert refused.value.metadata == {"plan_id": "gold"}
