"""Things that name things of their own kind: a plan its base plan, an add-on those that it requires."""

from collections.abc import Callable, Sequence

Links = Callable[[str], Sequence[str]]


def way_back(start: str, links: Links) -> list[str]:
    """The ids along the links from `start` until it comes again, with `start` at both ends; empty where it never does."""
    came_from: dict[str, str] = {}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for there in links(here):
            if there == start:
                return [start, *_steps(came_from, start, here), start]
            if there not in came_from:
                came_from[there] = here
                waiting.append(there)
    return []


def chain_length(start: str, links: Links, *, limit: int) -> int:
    """How many things a chain of single links has, its first included; `limit` + 1 where it has more."""
    length, here = 1, links(start)
    while here and length <= limit:
        length, here = length + 1, links(here[0])
    return length


def _steps(came_from: dict[str, str], start: str, end: str) -> list[str]:
    steps = []
    while end != start:
        steps.append(end)
        end = came_from[end]
    return steps[::-1]
