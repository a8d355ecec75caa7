"""What holds for the content of any offering: how it is checked and settled."""

from typing import TypeVar, cast

from catalog.domain.add_on_content import AddOnContent, check_add_on_content, settle_add_on_content
from catalog.domain.content import Content
from catalog.domain.plan_content import PlanContent, check_plan_content, settle_plan_content
from catalog.domain.surroundings import Owner, Surroundings
from kernel.errors import Mistakes

C = TypeVar("C", bound=Content)


def check_content(content: Content, around: Surroundings, owner: Owner, *, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of a plan's or an add-on's content, but names of archived things (`check_in_use`)."""
    match content:
        case PlanContent():
            check_plan_content(content, around, owner, path=path, mistakes=mistakes)
        case AddOnContent():
            check_add_on_content(content, around, owner, path=path, mistakes=mistakes)
        case _:
            raise TypeError(f"no rules for a {type(content).__name__}")


def settle_content(content: C, around: Surroundings) -> C:
    """The checked content with its defaults filled in and its numbers canonical. Names stay as they were written."""
    match content:
        case PlanContent():
            return cast("C", settle_plan_content(content, around))
        case AddOnContent():
            return cast("C", settle_add_on_content(content, around))
        case _:
            raise TypeError(f"no rules for a {type(content).__name__}")
