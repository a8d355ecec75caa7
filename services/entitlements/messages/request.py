"""Requests of the own contract: every mistake is found at once, and nothing else is done before."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from entitlements.domain.request import ONE, Check, Freshness
from kernel.errors import FieldViolation, Mistakes, TollkeeperError, invalid
from kernel.ids import check_id
from kernel.quantity import ZERO, parse_quantity
from kernel.token import FactKind, Token
from tollkeeper.entitlements.v1 import entitlements_service_pb2 as pb

# Whatever may say how fresh its answer must be.
Asking = (
    pb.CheckEntitlementRequest
    | pb.BatchCheckEntitlementsRequest
    | pb.ListEntitlementsRequest
    | pb.ReportUsageRequest
    | pb.ReserveUsageRequest
)

# The contract's bounds.
MAX_VALUES: Final = 100
MAX_TOKENS: Final = 16


def check_from_proto(request: pb.CheckEntitlementRequest) -> tuple[Check, Freshness | None]:
    """The check, and how fresh the answer must be.

    Raises:
        TollkeeperError: `INVALID_FIELD`, or `INVALID_TOKEN` where nothing else is wrong, naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.customer_id, "customer_id")
    mistakes.attempt(check_id, request.feature_id, "feature_id")
    requested: Decimal | None = ONE
    if request.requested_usage:
        requested = mistakes.attempt(parse_quantity, request.requested_usage, "requested_usage")
    values = tuple(request.requested_values)
    if values:
        check_values(values, "requested_values", mistakes)
    freshness = freshness_from_proto(request, mistakes)
    is_bare = not request.requested_usage and not values
    return Check(request.customer_id, request.feature_id, requested or ZERO, values, is_bare), freshness


def list_from_proto(request: pb.ListEntitlementsRequest) -> tuple[str, Freshness | None]:
    """The customer, and how fresh the answer must be.

    Raises:
        TollkeeperError: As for a check.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.customer_id, "customer_id")
    return request.customer_id, freshness_from_proto(request, mistakes)


def check_values(values: Sequence[str], path: str, mistakes: Mistakes) -> None:
    """Collects what is wrong with requested values."""
    if len(values) > MAX_VALUES:
        mistakes.add(path, f"must hold at most {MAX_VALUES} values, not {len(values):,}")
        return
    for number, value in enumerate(values):
        mistakes.attempt(check_id, value, f"{path}[{number}]")


def freshness_from_proto(request: Asking, mistakes: Mistakes) -> Freshness | None:
    """The freshness asked for; raises what was collected, tokens last, so that their reason is told where all else is right."""
    freshness = None
    wrong_tokens: list[FieldViolation] = []
    if request.HasField("consistency"):
        consistency = request.consistency
        match consistency.WhichOneof("requirement"):
            case "current":
                if not consistency.current:
                    mistakes.add("consistency.current", "must be true where it is set; leave it out for the default")
                freshness = Freshness(current=True)
            case "at_least_as_fresh":
                tokens = consistency.at_least_as_fresh.tokens
                freshness, wrong_tokens = _at_least_as_fresh(tokens, mistakes)
            case None:
                pass
    if mistakes.found:
        raise invalid(*mistakes.found, *wrong_tokens)
    if wrong_tokens:
        raise invalid(*wrong_tokens, reason="INVALID_TOKEN")
    return freshness


def _at_least_as_fresh(tokens: Sequence[str], mistakes: Mistakes) -> tuple[Freshness, list[FieldViolation]]:
    path = "consistency.at_least_as_fresh.tokens"
    if not 1 <= len(tokens) <= MAX_TOKENS:
        mistakes.add(path, f"must hold 1 to {MAX_TOKENS} tokens, not {len(tokens):,}")
        return Freshness(), []
    usage: set[int] = set()
    facts: dict[tuple[FactKind, str], int] = {}
    wrong: list[FieldViolation] = []
    for number, text in enumerate(tokens):
        try:
            token = Token.decode(text, f"{path}[{number}]")
        except TollkeeperError as error:
            wrong.extend(error.violations)
            continue
        if token.usage:
            usage.add(token.usage)
        for fact in token.facts:
            facts[fact.kind, fact.id] = max(fact.revision, facts.get((fact.kind, fact.id), 0))
    return Freshness(frozenset(usage), facts), wrong
