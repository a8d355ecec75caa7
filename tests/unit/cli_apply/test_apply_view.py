"""How a difference is shown to people."""

import io

import pytest
from rich.console import Console

from cli.apply_view import differs, published, show
from tollkeeper.catalog.v1 import catalog_service_pb2 as pb

GOLD = pb.ResourceName(type=pb.RESOURCE_TYPE_PLAN, id="gold")


def _shown(*changes: pb.ResourceChange) -> list[str]:
    file = io.StringIO()
    show(Console(file=file, highlight=False, markup=False, soft_wrap=True), pb.ApplyCatalogResponse(changes=changes))
    return file.getvalue().splitlines()


def _changed(path: str, old: str, new: str) -> pb.ResourceChange:
    field = pb.FieldChange(path=path, old_value=old, new_value=new)
    return pb.ResourceChange(resource=GOLD, type=pb.CHANGE_TYPE_CHANGED, fields=[field], plan_version=3)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("a", "b", "    description: a → b"),
        ("", "b", "    description: nothing → b"),
        ("a", "", "    description: a → nothing"),
        # What could move the cursor, or hide in a line, is spelled out; markup is text.
        ("\x1b[2J", "[bold]\u202e\n", "    description: \\x1b[2J → [bold]\\u202e\\n"),
        ("a" * 101, "é" * 100, f"    description: {'a' * 99}… → {'é' * 100}"),
    ],
)
def test_a_field_is_shown_from_what_to_what(old: str, new: str, line: str) -> None:
    assert _shown(_changed("description", old, new))[1] == line


def test_only_other_content_makes_a_version() -> None:
    renamed, priced = _changed("display_name", "a", "b"), _changed("content.pricing_type", "FREE", "PAID")
    assert _shown(renamed)[0] == "~ plan    gold"
    assert _shown(priced)[:2] == ["~ plan    gold  → version 3", "    pricing_type: FREE → PAID"]
    assert published(pb.ApplyCatalogResponse(changes=[renamed])) == ""
    assert published(pb.ApplyCatalogResponse(changes=[renamed, priced])) == "gold version 3"


def test_add_ons_have_versions_too() -> None:
    extra = pb.ResourceName(type=pb.RESOURCE_TYPE_ADD_ON, id="extra")
    made = pb.ResourceChange(resource=extra, type=pb.CHANGE_TYPE_CREATED, plan_version=1)
    assert _shown(made)[0] == "+ add-on  extra  → version 1"
    archived = _changed("archived", "", "true")
    pinned = _changed("add_ons[extra].content.maximum_quantity", "", "3")
    inherited = _changed("effective_entitlements[days].numeric.value", "7", "14")
    assert _shown(archived)[0] == "~ plan    gold"
    for change in (pinned, inherited):
        assert _shown(change)[0] == "~ plan    gold  → version 3"
    assert published(pb.ApplyCatalogResponse(changes=[made, pinned])) == "add-on extra version 1, gold version 3"


def test_what_is_not_listed_is_counted() -> None:
    file = io.StringIO()
    unlisted = [pb.ResourceName(type=pb.RESOURCE_TYPE_COUPON, id="WELCOME")]
    response = pb.ApplyCatalogResponse(unlisted=unlisted, unlisted_count=1_235)
    show(Console(file=file, highlight=False, markup=False, soft_wrap=True), response)
    assert file.getvalue().splitlines()[-1] == "Not in the file, and left alone: coupon WELCOME, and 1,234 more."


def test_nothing_to_do_is_known() -> None:
    equal = pb.ResourceChange(resource=GOLD, type=pb.CHANGE_TYPE_UNCHANGED, plan_version=3)
    assert not differs(pb.ApplyCatalogResponse(changes=[equal]))
    assert differs(pb.ApplyCatalogResponse(changes=[equal, _changed("display_name", "a", "b")]))
    assert _shown(equal) == ["0 new, 0 changed, 1 unchanged.", "Unchanged: plan gold."]
