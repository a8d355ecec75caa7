"""How a catalog differs from a file, for people: in color on a terminal, plain where there is none."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.text import Text

from tollkeeper.catalog.v1 import catalog_service_pb2 as pb

_MARKS: Final = {pb.CHANGE_TYPE_CREATED: ("+", "green"), pb.CHANGE_TYPE_CHANGED: ("~", "yellow")}
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
        console.print(f"Not in the file, and left alone: {_names(response.unlisted)}.", style="dim")


def published(response: pb.ApplyCatalogResponse) -> str:
    """The plan versions that were published: ``gold version 3, silver version 1``; empty for none."""
    return ", ".join(
        f"{change.resource.id} version {change.plan_version}" for change in response.changes if _publishes(change)
    )


def differs(response: pb.ApplyCatalogResponse) -> bool:
    """Whether there is anything to apply."""
    return any(change.type != pb.CHANGE_TYPE_UNCHANGED for change in response.changes)


def _show_change(console: Console, change: pb.ResourceChange) -> None:
    mark, style = _MARKS[change.type]
    line = Text(f"{mark} {_kind(change.resource):<7} {printable(change.resource.id)}", style=style)
    if _publishes(change):
        line.append(f"  → version {change.plan_version}", style="bold")
    console.print(line)
    for field in change.fields:
        # In the file a plan's content stands beside its names.
        text = Text(f"    {printable(field.path.removeprefix('content.'))}: ")
        text.append(printable(field.old_value) or "nothing", style="red")
        text.append(" → ")
        text.append(printable(field.new_value) or "nothing", style="green")
        console.print(text)


def _publishes(change: pb.ResourceChange) -> bool:
    """Whether the plan gets a new version, not only other names."""
    if change.resource.type != pb.RESOURCE_TYPE_PLAN:
        return False
    if change.type == pb.CHANGE_TYPE_CREATED:
        return True
    return any(field.path.startswith("content.") for field in change.fields)


def _names(resources: Iterable[pb.ResourceName]) -> str:
    return ", ".join(f"{_kind(resource)} {printable(resource.id)}" for resource in resources)


def _kind(resource: pb.ResourceName) -> str:
    return pb.ResourceType.Name(resource.type).removeprefix("RESOURCE_TYPE_").lower()


def printable(text: str) -> str:
    """The text without anything that could move a terminal's cursor, cut where it is long."""
    shown = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return shown if len(shown) <= _MAX_VALUE else f"{shown[: _MAX_VALUE - 1]}…"
