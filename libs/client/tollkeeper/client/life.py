"""What happens to long-lived things when the process forks, and when it ends."""

import atexit
import os
import weakref
from typing import Protocol


class Forking(Protocol):
    """Something whose locks, threads and connections a child must not use."""

    def after_fork(self) -> None:
        """Begins anew, in the child."""


class Closing(Protocol):
    """Something that is to be ended in order."""

    def close(self) -> None:
        """Ends it; again it changes nothing."""


_forking: "weakref.WeakSet[Forking]" = weakref.WeakSet()
_closing: "weakref.WeakSet[Closing]" = weakref.WeakSet()


def on_fork(thing: Forking) -> None:
    """Tells it of every fork, as long as it lives."""
    _forking.add(thing)


def at_exit(thing: Closing) -> None:
    """Closes it at the end of the process, if it lives until then."""
    _closing.add(thing)


def _in_child() -> None:
    for thing in list(_forking):
        thing.after_fork()


def _at_exit() -> None:
    for thing in list(_closing):
        thing.close()


os.register_at_fork(after_in_child=_in_child)
atexit.register(_at_exit)
