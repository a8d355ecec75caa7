"""Usage that is held for a while: work first, then commit what it took, or release."""

from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Protocol, Self

from tollkeeper.client.calling import blocking
from tollkeeper.client.decision import Decision
from tollkeeper.client.usage import CommittedUsage


class Settling(Protocol):
    """Who commits and releases."""

    async def commit_reservation(
        self, customer_id: str, reservation_id: str, value: Decimal | int | None = None, *, feature_id: str = ""
    ) -> CommittedUsage:
        """Writes what was reserved, or less."""

    async def release_reservation(self, customer_id: str, reservation_id: str) -> None:
        """Frees what was reserved."""


class ReservationRefusedError(Exception):
    """A block was entered for usage that was not reserved; `decision` says why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.explanation)
        self.decision = decision


class AsyncReservation:
    """What became of a reservation. As a context manager it is committed at the end of the block, released by an exception.

    Attributes:
        reserved: Whether usage is held.
        decision: The entitlement after it, or why it was refused.
        id: Empty where nothing is held.
        reserved_value: How much is held: less than asked for only with `PARTIAL`.
        expire_time: When it lapses, in real time; None where nothing is held.
    """

    def __init__(
        self,
        client: Settling,
        customer_id: str,
        *,
        reserved: bool,
        decision: Decision,
        id: str,
        reserved_value: Decimal,
        expire_time: datetime | None,
    ) -> None:
        self._client = client
        self._settled = False
        self.customer_id = customer_id
        self.reserved = reserved
        self.decision = decision
        self.id = id
        self.reserved_value = reserved_value
        self.expire_time = expire_time

    async def commit(self, value: Decimal | int | None = None) -> CommittedUsage:
        """Writes what was reserved, or less of it; the rest is free again.

        Raises:
            PreconditionError: `RESERVATION_LAPSED`, `RESERVATION_SETTLED`.
        """
        committed = await self._client.commit_reservation(
            self.customer_id, self.id, value, feature_id=self.decision.feature_id
        )
        self._settled = True
        return committed

    async def release(self) -> None:
        """Frees what was reserved.

        Raises:
            PreconditionError: `RESERVATION_SETTLED`: it was committed.
        """
        await self._client.release_reservation(self.customer_id, self.id)
        self._settled = True

    async def __aenter__(self) -> Self:
        if not self.reserved:
            raise ReservationRefusedError(self.decision)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._settled:
            return
        if kind is None:
            await self.commit()
        else:
            await self.release()


class Reservation:
    """What became of a reservation. As a context manager it is committed at the end of the block, released by an exception."""

    def __init__(self, asynchronous: AsyncReservation) -> None:
        self._asynchronous = asynchronous
        self.reserved = asynchronous.reserved
        self.decision = asynchronous.decision
        self.customer_id = asynchronous.customer_id
        self.id = asynchronous.id
        self.reserved_value = asynchronous.reserved_value
        self.expire_time = asynchronous.expire_time

    commit = blocking(AsyncReservation.commit)
    release = blocking(AsyncReservation.release)
    _exit = blocking(AsyncReservation.__aexit__)

    def __enter__(self) -> Self:
        if not self.reserved:
            raise ReservationRefusedError(self.decision)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._exit(kind, error, at)
