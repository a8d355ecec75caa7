"""Kills a child of the platform at a chosen call, by SIGKILL, while the call is under way."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

import calls
from cli.local_platform import Platform

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response")


class KillingCalls:
    """Stands in for `calls.call`: the same calls, and accidents beside some of them."""

    def __init__(self, platform: Platform, accidents: Iterable[tuple[str, int, str]]) -> None:
        """An accident is the name of a request, the how many-th of it, counted from 1, and the child that is killed."""
        self._platform = platform
        self._accidents: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
        for request, number, child in accidents:
            self._accidents[request, number].append(child)
        self._seen: Counter[str] = Counter()
        self.killed: list[str] = []

    async def __call__(
        self, method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]", request: Request
    ) -> Response:
        name = type(request).__name__
        self._seen[name] += 1
        children = self._accidents.pop((name, self._seen[name]), [])
        answer, *_ = await asyncio.gather(calls.call(method, request), *(self._kill(child) for child in children))
        return answer

    async def _kill(self, child: str) -> None:
        await asyncio.to_thread(self._platform.kill, child)
        self.killed.append(child)

    @property
    def outstanding(self) -> list[tuple[str, int]]:
        """Accidents that did not happen, because there were fewer calls."""
        return list(self._accidents)
