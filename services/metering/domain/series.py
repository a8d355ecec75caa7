"""A series: whose usage of what."""

from typing import NamedTuple, Self

from kernel.errors import Mistakes
from kernel.ids import check_id


class Series(NamedTuple):
    """A customer, or one of its resources, and a metered feature. Series are locked in the order of these three.

    A named tuple, because ingest makes and looks up several for each event.

    Attributes:
        resource_id: Empty for the customer as a whole.
    """

    customer_id: str
    resource_id: str
    feature_id: str

    @property
    def whole(self) -> Self:
        """The same customer and feature, whatever the resource: what counts here counts there too."""
        return self._replace(resource_id="")


def check_series(series: Series, path: str, mistakes: Mistakes) -> None:
    """Notes every malformed id, below `path` where there is one."""
    prefix = f"{path}." if path else ""
    mistakes.attempt(check_id, series.customer_id, f"{prefix}customer_id")
    if series.resource_id:
        mistakes.attempt(check_id, series.resource_id, f"{prefix}resource_id")
    mistakes.attempt(check_id, series.feature_id, f"{prefix}feature_id")
