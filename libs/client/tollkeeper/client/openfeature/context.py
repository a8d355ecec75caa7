"""What an evaluation context says of a check: the customer, and what is wanted. Pure."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import InvalidContextError, TargetingKeyMissingError

Context = EvaluationContext | None

# Attributes of the evaluation context that a check takes: a number or its text; a list of texts.
REQUESTED_USAGE: Final = "requested_usage"
REQUESTED_VALUES: Final = "requested_values"


def customer_of(context: Context) -> str:
    """The customer that the targeting key names.

    Raises:
        TargetingKeyMissingError: There is none.
    """
    if context is None or not context.targeting_key:
        raise TargetingKeyMissingError("The targeting key is the customer's id.")
    return context.targeting_key


def wanted_of(context: Context) -> tuple[Decimal | None, Sequence[str]]:
    """How much is wanted (None: not said), and which values.

    Raises:
        InvalidContextError: An attribute is none of that.
    """
    attributes = {} if context is None else context.attributes
    return _usage(attributes.get(REQUESTED_USAGE)), _texts(attributes.get(REQUESTED_VALUES, ()))


def _usage(usage: object) -> Decimal | None:
    if usage is None:
        return None
    try:
        wanted = Decimal(repr(usage) if isinstance(usage, float) else str(usage))
    except InvalidOperation:
        wanted = Decimal("NaN")
    if not wanted.is_finite() or wanted < 0:
        raise InvalidContextError(f"{REQUESTED_USAGE} is a number of at least 0, not {usage!r}")
    return wanted


def _texts(values: object) -> Sequence[str]:
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(one, str) for one in values):
        raise InvalidContextError(f"{REQUESTED_VALUES} is a list of texts, not {values!r}")
    return tuple(values)
