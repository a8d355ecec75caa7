"""Pages of lists: what is asked for."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from kernel.errors import Mistakes
from kernel.ids import check_id
from kit.paging import Page, page_of


class ListRequest(Protocol):
    """What the requests of all lists say."""

    page_size: int
    page_token: str


def page_asked(
    request: ListRequest, what: str, filters: Mapping[str, str] | None = None, *, more: Sequence[str] = ()
) -> Page:
    """The page of the list of `what`; filters are ids by the names of their fields, of which empty ones choose nothing.

    `more` are further filters as text, checked already.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake; `INVALID_PAGE_TOKEN` where only the token is wrong.
    """
    given = filters or {}
    mistakes = Mistakes()
    for path, value in given.items():
        if value:
            mistakes.attempt(check_id, value, path)
    mistakes.attempt(page_of, request.page_size, "")
    mistakes.check()
    return page_of(request.page_size, request.page_token, filters=[what, *given.values(), *more])
