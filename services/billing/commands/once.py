"""Requests with a `request_id` happen once: repeated, they answer the first outcome."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.messages.request_key import RequestKey
from billing.store import requests
from kernel.errors import ErrorKind, TollkeeperError
from kit.db import Database

R = TypeVar("R", bound=Message)


async def run(
    database: Database,
    key: RequestKey | None,
    response_type: type[R],
    act: Callable[[AsyncConnection], Awaitable[R]],
) -> R:
    """What `act` makes in a transaction of its own, or the response to the first request of this id.

    Raises:
        TollkeeperError: `REQUEST_ID_REUSED`: the first one had other content. And whatever `act` raises.
    """
    first = await first_outcome(database, key, response_type)
    if first is not None:
        return first
    async with database.write() as connection:
        first = await claim(connection, key, response_type)
        if first is not None:
            return first
        response = await act(connection)
        await keep(connection, key, response)
    return response


async def first_outcome(database: Database, key: RequestKey | None, response_type: type[R]) -> R | None:
    """The response to the first request of this id; None where there was none, or no id was given.

    Raises:
        TollkeeperError: `REQUEST_ID_REUSED`: the first one had other content.
    """
    if key is None:
        return None
    async with database.read() as connection:
        return await _outcome(connection, key, response_type)


async def claim(connection: AsyncConnection, key: RequestKey | None, response_type: type[R]) -> R | None:
    """Takes the id for this transaction, as its first act; the response of a request that took it before, if one did.

    Raises:
        TollkeeperError: `REQUEST_ID_REUSED`: that one had other content.
    """
    if key is None or await requests.claim(connection, key.id, key.fingerprint):
        return None
    return await _outcome(connection, key, response_type)


async def keep(connection: AsyncConnection, key: RequestKey | None, response: Message) -> None:
    """Stores the response with everything else of the transaction."""
    if key is not None:
        await requests.keep_response(connection, key.id, response.SerializeToString())


async def _outcome(connection: AsyncConnection, key: RequestKey, response_type: type[R]) -> R | None:
    first = await requests.get(connection, key.id)
    if first is None:
        return None
    if first.fingerprint != key.fingerprint:
        raise TollkeeperError(
            ErrorKind.ALREADY_EXISTS,
            "REQUEST_ID_REUSED",
            "The request_id was used before for a request with other content. Choose a new one.",
        ).at("request_id")
    return response_type.FromString(first.response)
