"""Stripe's form of requests and answers, and ways to lose them."""

import base64
import json
import re
from typing import Any

from aiohttp import web

SECRET_KEY = "sk_test_imitation"  # noqa: S105 - a key of nothing.

# Status, type, message and code of answers that say nothing of the payment.
FAULTS = {
    "401": (401, "invalid_request_error", "Invalid API Key provided: sk_test_****tion", ""),
    "403": (403, "invalid_request_error", "The key sk_test_****tion does not have the required permissions.", ""),
    "409": (409, "idempotency_error", "The key is in use.", "idempotency_key_in_use"),
    "429": (429, "invalid_request_error", "Too many requests.", "rate_limit"),
    "503": (503, "api_error", "Away.", ""),
    "500_before": (500, "api_error", "Something went wrong.", ""),
}


def authorized(request: web.Request) -> bool:
    """Whether the request carries the key and a version of the API, as the official client sends them."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    given = base64.b64decode(value).decode().rstrip(":") if scheme == "Basic" else value
    return given == SECRET_KEY and bool(request.headers.get("Stripe-Version"))


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """The form's ``a[b][c]`` as dictionaries."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, leaf = re.findall(r"[^\[\]]+", name)
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return tree


def body(
    status: int, kind: str, message: str, *, code: str = "", intent: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """Status and content of an error."""
    error: dict[str, Any] = {"type": kind, "message": message}
    if code:
        error["code"] = code
    if intent is not None:
        error["payment_intent"] = intent
    return status, {"error": error}


def error(status: int, kind: str, message: str, code: str = "") -> web.Response:
    """An error that is not kept under a key."""
    status, content = body(status, kind, message, code=code)
    return web.json_response(content, status=status, headers={"Request-Id": "req_refused"})


def drop(request: web.Request) -> web.StreamResponse:
    """Closes the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cut(request: web.Request, answer: dict[str, Any]) -> web.StreamResponse:
    """Sends half of the answer and closes the connection."""
    whole = json.dumps(answer).encode()
    response = web.StreamResponse(headers={"Content-Length": str(len(whole)), "Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(whole[: len(whole) // 2])
    return drop(request)
