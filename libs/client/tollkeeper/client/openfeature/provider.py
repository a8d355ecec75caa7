"""Features as flags, answered by a projection in this process.

| flag | of a feature | value |
|---|---|---|
| boolean | of any type | whether it is granted |
| integer | numeric | its number, if that is whole |
| float | numeric | its number |
| string | enum | its value, if one is granted |
| object | enum | the list of its values |

The targeting key is the customer. What remains of a metered feature is no flag, but metadata of the boolean one: who reads a number and acts
on it later passes limits. The context's `requested_usage` asks for so much, and a report with `ENFORCE` takes it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.exception import (
    FlagNotFoundError,
    ProviderNotReadyError,
)
from openfeature.flag_evaluation import FlagResolutionDetails
from openfeature.provider import AbstractProvider, Metadata

from tollkeeper.client import decision as decisions
from tollkeeper.client.decision import Decision
from tollkeeper.client.openfeature.connection import Connection
from tollkeeper.client.openfeature.context import Context, customer_of, wanted_of
from tollkeeper.client.openfeature.flags import (
    Structure,
    float_of,
    integer_of,
    metadata_of,
    object_of,
    reason_of,
    string_of,
)
from tollkeeper.client.openfeature.names import Names
from tollkeeper.client.projection.fallback import Fallback
from tollkeeper.client.projection.projection import EntitlementsProjection
from tollkeeper.client.tollkeeper import Tollkeeper

Value = TypeVar("Value")


class TollkeeperProvider(AbstractProvider):
    """Features as flags; what becomes which value stands above."""

    def __init__(
        self,
        tollkeeper: Tollkeeper,
        *,
        customer_ids: Sequence[str] = (),
        fallback: Fallback | None = None,
        fallbacks: Mapping[str, Fallback] | None = None,
        connect_seconds: float = 5.0,
        first_seconds: float = 0.25,
        error_seconds: float = 300.0,
    ) -> None:
        """A provider, with a projection of its own from `initialize` to `shutdown`.

        Args:
            tollkeeper: A client; the caller closes it after the provider.
            customer_ids: Customers to watch from the start.
            fallback: The projection's policy. It decides boolean flags; of the others it says from which age on they have their default value.
            fallbacks: Policies by feature.
            connect_seconds: How long `initialize` waits for the stream; without it the provider is in error until it comes.
            first_seconds: How long the first evaluation for a customer waits until something is known of it, and how long one of a
                feature that it does not have waits to hear whether there is such a feature.
            error_seconds: After so long without the stream a stale provider is in error.
        """
        super().__init__()
        self._tollkeeper = tollkeeper
        self._customer_ids = customer_ids
        self._fallback, self._fallbacks = fallback, fallbacks
        self._names = Names(tollkeeper, timeout=first_seconds)
        self._connect_seconds, self._first_seconds = connect_seconds, first_seconds
        self._connection = Connection(self, error_seconds=error_seconds)
        self._projection: EntitlementsProjection | None = None

    def get_metadata(self) -> Metadata:
        """Its name."""
        return Metadata(name="Tollkeeper")

    def initialize(self, evaluation_context: EvaluationContext) -> None:  # noqa: ARG002 - OpenFeature's signature.
        """Opens the stream.

        Raises:
            ProviderNotReadyError: It did not open in time. It is tried on, and `PROVIDER_READY` tells when it does.
        """
        self._connection.begin()
        self._projection = self._tollkeeper.projection(
            customer_ids=self._customer_ids,
            fallback=self._fallback,
            fallbacks=self._fallbacks,
            on_change=self._on_change,
            on_connection=self._connection.note,
        )
        self._projection.watch()
        if not self._connection.wait(self._connect_seconds):
            raise ProviderNotReadyError("The entitlements service cannot be reached; it is tried on.")

    def shutdown(self) -> None:
        """Closes the stream."""
        projection, self._projection = self._projection, None
        self._connection.end()
        if projection is not None:
            projection.close()

    # ---- What OpenFeature asks ------------------------------------------------------------------------------------

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: ARG002, FBT001 - OpenFeature's signature.
        evaluation_context: Context = None,
    ) -> FlagResolutionDetails[bool]:
        """Whether the feature is granted."""
        decision = self._decide(flag_key, evaluation_context)
        return _details(decision, decision.granted, "granted" if decision.granted else "refused")

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: Context = None
    ) -> FlagResolutionDetails[int]:
        """The number of a numeric feature."""
        return self._resolve(flag_key, default_value, evaluation_context, integer_of)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: Context = None
    ) -> FlagResolutionDetails[float]:
        """The number of a numeric feature."""
        return self._resolve(flag_key, default_value, evaluation_context, float_of)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: Context = None
    ) -> FlagResolutionDetails[str]:
        """The value of an enum feature."""
        return self._resolve(flag_key, default_value, evaluation_context, string_of)

    def resolve_object_details(
        self, flag_key: str, default_value: Structure, evaluation_context: Context = None
    ) -> FlagResolutionDetails[Structure]:
        """The values of an enum feature."""
        return self._resolve(flag_key, default_value, evaluation_context, object_of)

    async def resolve_boolean_details_async(
        self,
        flag_key: str,
        default_value: bool,  # noqa: FBT001 - OpenFeature's signature.
        evaluation_context: Context = None,
    ) -> FlagResolutionDetails[bool]:
        """`resolve_boolean_details`, while other tasks go on."""
        return await self._beside(self.resolve_boolean_details, flag_key, default_value, evaluation_context)

    async def resolve_integer_details_async(
        self, flag_key: str, default_value: int, evaluation_context: Context = None
    ) -> FlagResolutionDetails[int]:
        """`resolve_integer_details`, while other tasks go on."""
        return await self._beside(self.resolve_integer_details, flag_key, default_value, evaluation_context)

    async def resolve_float_details_async(
        self, flag_key: str, default_value: float, evaluation_context: Context = None
    ) -> FlagResolutionDetails[float]:
        """`resolve_float_details`, while other tasks go on."""
        return await self._beside(self.resolve_float_details, flag_key, default_value, evaluation_context)

    async def resolve_string_details_async(
        self, flag_key: str, default_value: str, evaluation_context: Context = None
    ) -> FlagResolutionDetails[str]:
        """`resolve_string_details`, while other tasks go on."""
        return await self._beside(self.resolve_string_details, flag_key, default_value, evaluation_context)

    async def resolve_object_details_async(
        self, flag_key: str, default_value: Structure, evaluation_context: Context = None
    ) -> FlagResolutionDetails[Structure]:
        """`resolve_object_details`, while other tasks go on."""
        return await self._beside(self.resolve_object_details, flag_key, default_value, evaluation_context)

    # ---- How it is answered ---------------------------------------------------------------------------------------

    def _resolve(
        self, flag_key: str, default: Value, context: Context, read: Callable[[Decision], Value]
    ) -> FlagResolutionDetails[Value]:
        decision = self._decide(flag_key, context)
        if decision.is_fallback or (decision.source is None and not decision.granted):
            # Nothing fresh enough is known, or the customer has not the feature: it has no value.
            return _details(decision, default, None)
        value = read(decision)
        return _details(decision, value, ",".join(decision.values) or str(value))

    def _decide(self, flag_key: str, context: Context) -> Decision:
        projection = self._projection
        if projection is None:
            raise ProviderNotReadyError("The provider was not initialized, or was shut down.")
        customer_id = customer_of(context)
        if not projection.watch(customer_id) and projection.connected:
            projection.watch(customer_id, timeout=self._first_seconds)
        usage, values = wanted_of(context)
        decision = projection.check(customer_id, flag_key, requested_usage=usage, requested_values=values)
        if decision.reason is decisions.Reason.FEATURE_NOT_INCLUDED and not self._names.exists(
            flag_key, customer_id=customer_id
        ):
            raise FlagNotFoundError(f"No feature has the id {flag_key}.")
        return decision

    async def _beside(
        self,
        resolve: Callable[[str, Value, Context], FlagResolutionDetails[Value]],
        flag_key: str,
        default: Value,
        context: Context,
    ) -> FlagResolutionDetails[Value]:
        """Resolves in a thread only where that may wait."""
        projection = self._projection
        customer_id = None if context is None else context.targeting_key
        if projection is None or not customer_id:
            return resolve(flag_key, default, context)
        known = projection.watch(customer_id) and (
            projection.check(customer_id, flag_key).reason is not decisions.Reason.FEATURE_NOT_INCLUDED
            or self._names.is_remembered(flag_key)
        )
        return (
            resolve(flag_key, default, context)
            if known
            else await asyncio.to_thread(resolve, flag_key, default, context)
        )

    def _on_change(self, customer_id: str, feature_ids: Sequence[str]) -> None:
        if self._connection.announced:
            details = ProviderEventDetails(flags_changed=list(feature_ids), metadata={"customer_id": customer_id})
            self.emit_provider_configuration_changed(details)


def _details(decision: Decision, value: Value, variant: str | None) -> FlagResolutionDetails[Value]:
    metadata = metadata_of(decision)
    return FlagResolutionDetails(value, reason=reason_of(decision), variant=variant, flag_metadata=metadata)
