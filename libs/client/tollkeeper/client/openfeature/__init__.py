"""An OpenFeature provider. Needs the extra ``openfeature``: ``pip install tollkeeper-client[openfeature]``."""

from tollkeeper.client.openfeature.context import REQUESTED_USAGE, REQUESTED_VALUES
from tollkeeper.client.openfeature.provider import TollkeeperProvider

__all__ = ["REQUESTED_USAGE", "REQUESTED_VALUES", "TollkeeperProvider"]
