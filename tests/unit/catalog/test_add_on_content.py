"""Which contents of add-ons are well formed, and what they mean once their defaults are filled in."""

from dataclasses import replace

import pytest

from catalog.domain.add_on_content import AddOnContent
from catalog.domain.choice import UNKNOWN
from catalog.domain.content_rules import check_content, settle_content
from catalog.domain.entitlement import BooleanEntitlement, Limit, MergeBehavior, MeteredEntitlement, NumericEntitlement
from catalog.domain.surroundings import Neighbor, Owner, Surroundings, check_in_use, unpublished
from tests.unit.catalog.samples import FEATURES, FLAT_FEE, FLAT_RATE, PACKAGE, entitled, mistakes_of

EXTRA = Owner("extra", "product")
FIVE = MeteredEntitlement(Limit("5.0"))
AROUND = Surroundings(
    {**FEATURES, "old": replace(FEATURES["sso"], archived=True)},
    add_ons={
        "support": Neighbor("product"),
        "chat": Neighbor("product", links=("support",)),
        "loop": Neighbor("product", links=("chat", "extra")),
        "far": Neighbor("product", links=("loop",)),
        "foreign": Neighbor("other"),
        "gone": Neighbor("product", archived=True),
        "draft": Neighbor("product", published=False),
    },
)


def _requires(*ids: str) -> AddOnContent:
    return AddOnContent(required_add_on_ids=ids)


@pytest.mark.parametrize(
    ("content", "paths"),
    [
        (AddOnContent(), set()),
        (AddOnContent(charges=(FLAT_FEE, PACKAGE), entitlements=(entitled("seats", FIVE),)), set()),
        # Its own quantity is what is committed to.
        (AddOnContent(charges=(FLAT_RATE,)), {"p.charges[0].billing_model"}),
        (AddOnContent(charges=(PACKAGE,), entitlements=(entitled("calls"),)), {"p.entitlements[0].feature_id"}),
        (AddOnContent(entitlements=(entitled("sso", BooleanEntitlement()),) * 2), {"p.entitlements[1].feature_id"}),
        (AddOnContent(entitlements=(replace(entitled("sso", BooleanEntitlement()), merge_behavior=UNKNOWN),)), {"p.entitlements[0].merge_behavior"}),
        (AddOnContent(entitlements=(replace(entitled("seats", FIVE), merge_behavior=MergeBehavior.OVERRIDE),)), set()),
        (AddOnContent(charges=tuple(replace(FLAT_FEE, id=f"fee{n}") for n in range(21))), {"p.charges"}),
        (AddOnContent(entitlements=tuple(entitled(f"f{n}") for n in range(101))), {"p.entitlements"} | {f"p.entitlements[{n}].feature_id" for n in range(101)}),
        (AddOnContent(maximum_quantity=1), set()),
        (AddOnContent(maximum_quantity=1_000_000), set()),
        (AddOnContent(maximum_quantity=1_000_001), {"p.maximum_quantity"}),
        (AddOnContent(maximum_quantity=-1), {"p.maximum_quantity"}),
        (_requires("support", "chat"), set()),
        (_requires("support", "support"), {"p.required_add_on_ids[1]"}),
        (_requires("nothing", ""), {"p.required_add_on_ids[0]", "p.required_add_on_ids[1]"}),
        (_requires("foreign"), {"p.required_add_on_ids[0]"}),
        (_requires("extra"), {"p.required_add_on_ids[0]"}),
        (_requires("support", "far"), {"p.required_add_on_ids[1]"}),
    ],
)  # fmt: skip
def test_each_mistake_is_named_by_its_path(content: AddOnContent, paths: set[str]) -> None:
    found = mistakes_of(check_content, content, AROUND, EXTRA, path="p")
    # An add-on that is named as its own requirement is not there either: one sentence of the two is enough.
    assert found.keys() == paths


def test_a_loop_is_told_by_its_way() -> None:
    found = mistakes_of(check_content, _requires("far"), AROUND, EXTRA, path="p")
    assert found == {"p.required_add_on_ids[0]": "must not lead back to the add-on itself: extra, far, loop, extra"}


def test_there_are_ten_required_add_ons_at_most() -> None:
    around = Surroundings(add_ons={f"a{number}": Neighbor("product") for number in range(11)})
    for count, paths in ((10, set()), (11, {"p.required_add_on_ids"})):
        content = _requires(*(f"a{number}" for number in range(count)))
        assert mistakes_of(check_content, content, around, EXTRA, path="p").keys() == paths


def test_what_is_archived_or_not_published_is_told_by_its_place() -> None:
    content = AddOnContent(
        entitlements=(entitled("sso", BooleanEntitlement()), entitled("old", BooleanEntitlement())),
        required_add_on_ids=("support", "gone", "draft"),
    )
    assert mistakes_of(check_content, content, AROUND, EXTRA, path="p") == {}
    assert mistakes_of(check_in_use, content, AROUND, path="p").keys() == {
        "p.entitlements[1].feature_id",
        "p.required_add_on_ids[1]",
    }
    assert [reference.id for reference in unpublished(content, AROUND)] == ["draft"]


def test_settling_fills_in_how_entitlements_meet() -> None:
    number = replace(entitled("days", NumericEntitlement("30.0")), merge_behavior=MergeBehavior.OVERRIDE)
    content = AddOnContent(entitlements=(entitled("seats", FIVE), number))
    settled = settle_content(content, AROUND)
    assert [each.merge_behavior for each in settled.entitlements] == [MergeBehavior.INCREMENT, MergeBehavior.OVERRIDE]
    assert settled.entitlements[0].value == MeteredEntitlement(Limit("5"))
    assert settled.entitlements[1].value == NumericEntitlement("30")
    assert settle_content(settled, AROUND) == settled
