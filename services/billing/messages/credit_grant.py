"""Credit that is granted by hand, in messages."""

from dataclasses import dataclass

from billing.messages.request_key import RequestKey, request_key
from billing.messages.values import money_above_zero
from kernel.errors import Mistakes, invalid
from kernel.ids import check_id
from kernel.money import Money
from kernel.text import check_text
from tollkeeper.billing.v1 import customer_service_pb2 as pb

_LONGEST_DESCRIPTION = 500
_DESCRIPTION = "Granted by hand"


@dataclass(frozen=True, slots=True)
class Grant:
    """Credit for a customer: above zero, in whole minor units."""

    customer_id: str
    amount: Money
    description: str


def grant_from_proto(request: pb.GrantCreditRequest) -> tuple[Grant, RequestKey | None]:
    """What is to be granted, and the request's key.

    Raises:
        TollkeeperError: `INVALID_FIELD` naming every mistake.
    """
    mistakes = Mistakes()
    mistakes.attempt(check_id, request.customer_id, "customer_id")
    amount = mistakes.attempt(money_above_zero, request.amount, "amount")
    mistakes.attempt(check_text, request.description, "description", limit=_LONGEST_DESCRIPTION)
    key = mistakes.attempt(request_key, request, request.request_id)
    if amount is None or mistakes.found:
        raise invalid(*mistakes.found)
    return Grant(request.customer_id, amount, request.description or _DESCRIPTION), key
