"""Which features there are, as far as flags asked about them: a projection cannot tell what nobody has from what is not there."""

import threading
import time
from typing import Final

from tollkeeper.client.consistency import FASTEST
from tollkeeper.client.decision import Reason
from tollkeeper.client.errors import TollkeeperError
from tollkeeper.client.tollkeeper import Tollkeeper

# How long an answer is remembered, and how many are.
_SECONDS: Final = 60.0
_MAX_NAMES: Final = 1_000


class Names:
    """Asks the service about a feature once a minute at most."""

    def __init__(self, tollkeeper: Tollkeeper, *, timeout: float) -> None:
        self._tollkeeper = tollkeeper
        self._timeout = timeout
        self._known: dict[str, tuple[bool, float]] = {}
        self._lock = threading.Lock()

    def is_remembered(self, feature_id: str) -> bool:
        """Whether `exists` answers without a call."""
        return self._remembered(feature_id) is not None

    def exists(self, feature_id: str, *, customer_id: str) -> bool:
        """Whether there is such a feature; asked for a customer that the service knows. Taken for granted while it cannot be asked."""
        remembered = self._remembered(feature_id)
        if remembered is not None:
            return remembered
        try:
            decision = self._tollkeeper.entitlements.check(
                customer_id, feature_id, consistency=FASTEST, timeout=self._timeout
            )
            exists = decision.reason is not Reason.FEATURE_UNKNOWN
        except TollkeeperError as error:
            # What is no id is no feature.
            exists = error.code != "INVALID_ARGUMENT"
        with self._lock:
            if len(self._known) >= _MAX_NAMES:
                self._known.clear()
            self._known[feature_id] = (exists, time.monotonic() + _SECONDS)
        return exists

    def _remembered(self, feature_id: str) -> bool | None:
        exists, until = self._known.get(feature_id, (False, 0.0))
        return exists if time.monotonic() < until else None
