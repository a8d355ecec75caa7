"""When a dead child is started again, and when no more: decided from the times of its deaths."""

import math
from collections import deque
from dataclasses import dataclass, field

# The first restart is quick, since most deaths are accidents; a child that dies of what it finds outside must not be
# what keeps the machine busy.
_FIRST_DELAY_SECONDS = 0.2
_LONGEST_DELAY_SECONDS = 5.0

# With the delays above, a child that dies at each start reaches five within four seconds: its reason is shown while
# somebody is still looking. Accidents do not come five a minute.
HOPELESS_DEATHS = 5
_HOPELESS_SECONDS = 60.0


@dataclass(slots=True)
class Restarts:
    """The deaths of one child."""

    _deaths: deque[float] = field(default_factory=lambda: deque(maxlen=HOPELESS_DEATHS))
    _in_a_row: int = 0

    def after_death(self, began: float, died: float) -> float | None:
        """Seconds until the next start of a child that lived between these two times; None if it is hopeless.

        The delay doubles from death to death, and begins anew after a life of more than a minute.
        """
        self._deaths.append(died)
        if len(self._deaths) == HOPELESS_DEATHS and died - self._deaths[0] < _HOPELESS_SECONDS:
            return None
        self._in_a_row = 1 if died - began > _HOPELESS_SECONDS else self._in_a_row + 1
        # The exponent is bounded too: a float ends at 2 ** 1023.
        return min(math.ldexp(_FIRST_DELAY_SECONDS, min(self._in_a_row - 1, 10)), _LONGEST_DELAY_SECONDS)

    def after_kill(self) -> float:
        """Likewise for a death that was asked for, which says nothing about the child."""
        return _FIRST_DELAY_SECONDS
