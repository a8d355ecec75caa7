"""What is answered where nothing is known, or nothing fresh enough."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tollkeeper.client.decision import Decision, Reason
from tollkeeper.client.projection import explanation
from tollkeeper.client.projection.held import Freshness

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fallback:
    """The caller's policy for a feature: the last known state decides up to an age, and beyond it, or where nothing is known at all,
    it is granted or refused.

    Attributes:
        granted: What is answered then.
        max_age: The greatest age of what is known that still decides; None: any.
    """

    granted: bool = False
    max_age: timedelta | None = timedelta(minutes=5)

    def until(self, freshness: Freshness | None) -> datetime | None:
        """When knowledge of this freshness gets too old; None: never. One of unknown freshness always was."""
        if self.max_age is None:
            return None
        return _LONG_AGO if freshness is None else freshness.known + self.max_age

    def not_known(self, customer_id: str, feature_id: str) -> Decision:
        """The answer of a customer of whom nothing is known yet."""
        sentence = explanation.not_known(customer_id, granted=self.granted)
        return Decision(self.granted, Reason.NOT_KNOWN, sentence, feature_id)

    def too_old(self, customer_id: str, feature_id: str) -> Decision:
        """The answer of a customer of whom nothing fresh enough is known."""
        sentence = explanation.too_old(customer_id, granted=self.granted)
        return Decision(self.granted, Reason.TOO_OLD, sentence, feature_id)
