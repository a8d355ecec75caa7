"""How a catalog differs from a file, for people: in color on a terminal, plain where there is none."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.text import Text

from tollkeeper.catalog.v1 import catalog_service_pb2 as pb

_MARKS: Final = {pb.CHANGE_TYPE_CREATED: ("+", "green"), pb.CHANGE_TYPE_CHANGED: ("~", "yellow")}
# What of a plan or an add-on stands beside its versions.
_OF_NO_VERSION: Final = frozenset({"display_name", "description", "archived"})
# A longer text, such as a description, is cut: the line is to show that it differs.
_MAX_VALUE: Final = 100


def show(console: Console, response: pb.ApplyCatalogResponse) -> None:
    """Prints what is new, what differs from what to what, what is equal, and what the file does not name."""
    for change in response.changes:
        if change.type in _MARKS:
            _show_change(console, change)
    counts = [
        f"{sum(change.type == kind for change in response.changes)} {word}"
        for kind, word in ((pb.CHANGE_TYPE_CREATED, "new"), (pb.CHANGE_TYPE_CHANGED, "changed"))
    ]
    unchanged = [change.resource for change in response.changes if change.type == pb.CHANGE_TYPE_UNCHANGED]
    console.print(f"{', '.join(counts)}, {len(unchanged)} unchanged.", style="bold")
    if unchanged:
        console.print(f"Unchanged: {_names(unchanged)}.", style="dim")
    if response.unlisted:
        hidden = response.unlisted_count - len(response.unlisted)
        more = f", and {hidden:,} more" if hidden > 0 else ""
        console.print(f"Not in the file, and left alone: {_names(response.unlisted)}{more}.", style="dim")


def published(response: pb.ApplyCatalogResponse) -> str:
    """The versions that were published: ``add-on extra version 2, gold version 3``; empty for none."""
    return ", ".join(
        f"{_publisher(change.resource)} version {change.plan_version}"
        for change in response.changes
        if publishes(change)
    )


def differs(response: pb.ApplyCatalogResponse) -> bool:
    """Whether there is anything to apply."""
    return any(change.type != pb.CHANGE_TYPE_UNCHANGED for change in response.changes)


def publishes(change: pb.ResourceChange) -> bool:
    """Whether a plan or an add-on gets a new version, not only another name."""
    if change.resource.type not in {pb.RESOURCE_TYPE_PLAN, pb.RESOURCE_TYPE_ADD_ON}:
        return False
    if change.type == pb.CHANGE_TYPE_CREATED:
        return True
    return any(field.path not in _OF_NO_VERSION for field in change.fields)


def _show_change(console: Console, change: pb.ResourceChange) -> None:
    mark, style = _MARKS[change.type]
    line = Text(f"{mark} {_kind(change.resource):<7} {printable(change.resource.id)}", style=style)
    if publishes(change):
        line.append(f"  → version {change.plan_version}", style="bold")
    console.print(line)
    for field in change.fields:
        # In the file a plan's content stands beside its names.
        text = Text(f"    {printable(field.path.removeprefix('content.'))}: ")
        text.append(printable(field.old_value) or "nothing", style="red")
        text.append(" → ")
        text.append(printable(field.new_value) or "nothing", style="green")
        console.print(text)


def _names(resources: Iterable[pb.ResourceName]) -> str:
    return ", ".join(f"{_kind(resource)} {printable(resource.id)}" for resource in resources)


def _kind(resource: pb.ResourceName) -> str:
    return pb.ResourceType.Name(resource.type).removeprefix("RESOURCE_TYPE_").lower().replace("_", "-")


def _publisher(resource: pb.ResourceName) -> str:
    """A plan by its id, an add-on by its kind as well."""
    name = printable(resource.id)
    return name if resource.type == pb.RESOURCE_TYPE_PLAN else f"{_kind(resource)} {name}"


def printable(text: str) -> str:
    """The text without anything that could move a terminal's cursor, cut where it is long."""
    shown = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return shown if len(shown) <= _MAX_VALUE else f"{shown[: _MAX_VALUE - 1]}…"
