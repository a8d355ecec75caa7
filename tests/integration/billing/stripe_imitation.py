"""An imitation of Stripe over HTTP, for what billing asks of it: customers, payment methods, off-session PaymentIntents, webhooks.

A fake, because the real one needs an account and a network, and cannot be told to lose an answer. It keeps to Stripe's documented
behaviour where billing leans on it: an idempotency key replays the first answer (faults too) and refuses other parameters; a key in
use is a 409; parameters that the official client does not know are refused; test payment methods decline as documented; amounts
follow the page "Supported currencies"; messages are signed over timestamp and body.

What it does not prove of Stripe: that the real service takes exactly these parameters in this account (capabilities, currencies
and minimum amounts differ by country); how long a bank takes; that keys are really kept 24 hours and lists really are complete at
once; rate limits; the order and the delays of real messages, and how often they are repeated; disputes and refunds.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from tests.integration.billing import stripe_wire as wire
from tests.integration.billing.stripe_rules import SCENARIOS, RefusalError, amount_mistake, check_known, known

WEBHOOK_SECRET = "whsec_imitation"  # noqa: S105 - likewise.


@dataclass(slots=True)
class _Kept:
    """What a key was used for, and the answer; None while it is being made."""

    fingerprint: str
    answer: tuple[int, dict[str, Any]] | None = None


@dataclass(slots=True)
class StripeImitation:
    """State and switches.

    Attributes:
        faults: What becomes of the next requests that charge or look up, first one first: "drop_before" and "drop_after" (nothing or
            all done, connection closed), "500_before" and "500_after" (the answer is kept under the key), "cut" (half an answer),
            "hang" and "hang_after" (until the caller gives up), "429", "401", "409", "html"; "" is no fault.
        events: Every message made, the oldest first, delivered or not.
        away: Every request is answered 503.
        deliver_at_once: Messages are delivered before the request that caused them is answered.
    """

    base: str = ""
    endpoint: str = ""
    deliver_at_once: bool = False
    away: bool = False
    faults: deque[str] = field(default_factory=deque)
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    methods: dict[str, dict[str, Any]] = field(default_factory=dict)
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    _keys: dict[str, _Kept] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def app(self) -> web.Application:
        """The server's application."""
        app = web.Application()
        app.router.add_route("*", "/v1/{path:.*}", self._answer)
        return app

    def charged(self, attempt_id: str) -> list[str]:
        """Payments that took money for an attempt: the truth that nobody can talk away."""
        return [
            intent["id"]
            for intent in self.intents.values()
            if intent["status"] == "succeeded" and intent["metadata"].get("tollkeeper_attempt_id") == attempt_id
        ]

    async def decide(self, payment_id: str, failure_code: str = "") -> None:
        """The bank decides about a payment that is processing."""
        if failure_code:
            self._fail(self.intents[payment_id], failure_code, "The bank refused.")
        else:
            self._succeed(self.intents[payment_id])
        await self._deliver_new(len(self.events) - 1)

    async def deliver(
        self, event: dict[str, Any], *, age: int = 0, secret: str = WEBHOOK_SECRET, body: bytes = b""
    ) -> int:
        """Sends a message as Stripe signs it, `age` seconds ago; gives the status of the answer."""
        body = body or json.dumps(event, indent=2).encode()
        stamp = int(time.time()) - age
        signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={stamp},v1={signature}", "Content-Type": "application/json; charset=utf-8"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.endpoint, data=body, headers=headers) as answer,
        ):
            return answer.status

    async def _deliver_new(self, since: int) -> None:
        if self.deliver_at_once and self.endpoint:
            for event in self.events[since:]:
                await self.deliver(event)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        params = wire.nested(dict(await request.post() if request.method == "POST" else request.query))
        self.requests.append((request.method, path, params))
        fault = self.faults.popleft() if self.faults and path.startswith("payment_intents") else ""
        since = len(self.events)
        if (early := await self._early(fault, request)) is not None:
            return early
        status, answer = self._keyed(request, path, params, fault=fault)
        await self._deliver_new(since)
        if fault == "hang_after":
            await self._hang()
        if fault == "drop_after":
            return wire.drop(request)
        if fault == "cut":
            return await wire.cut(request, answer)
        return web.json_response(answer, status=status, headers={"Request-Id": f"req_{next(self._numbers)}"})

    async def _hang(self) -> None:
        self.hanging.set()
        await asyncio.Event().wait()

    async def _early(self, fault: str, request: web.Request) -> web.StreamResponse | None:
        if fault == "hang":
            await self._hang()
        if fault == "drop_before":
            return wire.drop(request)
        if fault == "html":
            return web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html")
        if not wire.authorized(request):
            fault = "401"
        if self.away:
            fault = "503"
        return wire.error(*wire.FAULTS[fault]) if fault in wire.FAULTS else None

    def _keyed(
        self, request: web.Request, path: str, params: dict[str, Any], *, fault: str
    ) -> tuple[int, dict[str, Any]]:
        key = request.headers.get("Idempotency-Key", "") if request.method == "POST" else ""
        fingerprint = json.dumps([path, params], sort_keys=True)
        if key and (kept := self._keys.get(key)) is not None:
            if kept.fingerprint != fingerprint:
                message = (
                    "Keys for idempotent requests can only be used with the same parameters they were first used with."
                )
                return wire.body(400, "idempotency_error", message)
            assert kept.answer is not None, "requests are answered one at a time here"
            return kept.answer
        try:
            answer = 200, self._route(request.method, path, params)
        except RefusalError as refusal:
            answer = wire.body(refusal.status, refusal.type, refusal.message, code=refusal.code, intent=refusal.intent)
            if not refusal.executed:
                return answer
        if fault == "500_after":
            answer = wire.body(500, "api_error", "Something went wrong.")
        if key:
            self._keys[key] = _Kept(fingerprint, answer)
        return answer

    def _route(self, method: str, path: str, params: dict[str, Any]) -> dict[str, Any]:
        kind, *rest = path.split("/")
        if method == "GET":
            return self._read(kind, rest, params)
        check_known(rest[1] if rest else kind, params)
        match kind, *rest:
            case ("customers",):
                return self._make(self.customers, "cus", {"object": "customer", **params})
            case ("payment_intents",):
                return self._charge(params)
            case "payment_methods", method_id, "attach":
                return self._attach(method_id, params["customer"])
            case _:
                return self._cancel(known(self.intents, rest[0], "payment_intent"))

    def _read(self, kind: str, rest: list[str], params: dict[str, Any]) -> dict[str, Any]:
        if kind == "payment_methods":
            return known(self.methods, rest[0], "PaymentMethod")
        return known(self.intents, rest[0], "payment_intent") if rest else self._list(params)

    def _make(self, things: dict[str, dict[str, Any]], prefix: str, values: dict[str, Any]) -> dict[str, Any]:
        thing = {"id": f"{prefix}_{next(self._numbers):06d}", "created": int(time.time()), "livemode": False, **values}
        things[thing["id"]] = thing
        return thing

    def _attach(self, method_id: str, customer: str) -> dict[str, Any]:
        known(self.customers, customer, "customer")
        if method_id in SCENARIOS:
            if refused := SCENARIOS[method_id].attach_refusal:
                raise RefusalError(402, "card_error", "Your card was declined.", code=refused)
            values = {"object": "payment_method", "customer": customer, "scenario": method_id}
            return self._make(self.methods, "pm", values)
        found = known(self.methods, method_id, "PaymentMethod")
        if found["customer"] is not None:
            message = "The payment method you provided has already been attached to a customer."
            raise RefusalError(400, "invalid_request_error", message)
        found["customer"] = customer
        return found

    def _charge(self, params: dict[str, Any]) -> dict[str, Any]:
        amount, unit = int(params["amount"]), params["currency"]
        if mistake := amount_mistake(amount, unit):
            raise RefusalError(400, "invalid_request_error", mistake[1], code=mistake[0])
        method = known(self.methods, params["payment_method"], "PaymentMethod")
        if method["customer"] != params["customer"]:
            raise RefusalError(400, "invalid_request_error", "The PaymentMethod does not belong to the Customer.")
        values = {
            "object": "payment_intent", "amount": amount, "currency": unit, "customer": params["customer"],
            "payment_method": method["id"], "metadata": params.get("metadata", {}), "status": "requires_confirmation",
            "last_payment_error": None, "description": params.get("description"),
        }  # fmt: skip
        intent = self._make(self.intents, "pi", values)
        scenario = SCENARIOS[method["scenario"]]
        if scenario.status:
            intent["status"] = scenario.status
        elif scenario.charge_refusal:
            self._fail(intent, scenario.charge_refusal, scenario.message)
            raise RefusalError(
                402, "card_error", scenario.message, code=scenario.charge_refusal, intent=dict(intent), executed=True
            )
        else:
            self._succeed(intent)
        return dict(intent)

    def _succeed(self, intent: dict[str, Any]) -> None:
        intent["status"] = "succeeded"
        self._tell("payment_intent.succeeded", intent)

    def _fail(self, intent: dict[str, Any], code: str, message: str) -> None:
        intent |= {
            "status": "requires_payment_method",
            "payment_method": None,
            "last_payment_error": {"type": "card_error", "code": code, "message": message},
        }
        self._tell("payment_intent.payment_failed", intent)

    def _cancel(self, intent: dict[str, Any]) -> dict[str, Any]:
        if intent["status"] in {"succeeded", "canceled", "processing"}:
            message = f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
            raise RefusalError(400, "invalid_request_error", message, code="payment_intent_unexpected_state")
        intent["status"] = "canceled"
        self._tell("payment_intent.canceled", intent)
        return dict(intent)

    def _tell(self, kind: str, intent: dict[str, Any]) -> None:
        event_id = f"evt_{next(self._numbers):06d}"
        self.events.append({"id": event_id, "object": "event", "type": kind, "data": {"object": dict(intent)}})

    def _list(self, params: dict[str, Any]) -> dict[str, Any]:
        since, limit = int(params["created"]["gte"]), int(params["limit"])
        newest_first = sorted(self.intents.values(), key=lambda one: one["id"], reverse=True)
        found = [one for one in newest_first if one["customer"] == params["customer"] and one["created"] >= since]
        if after := params.get("starting_after"):
            found = [one for one in found if one["id"] < after]
        return {"object": "list", "url": "/v1/payment_intents", "data": found[:limit], "has_more": len(found) > limit}
