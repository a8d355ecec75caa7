"""Refusals that several commands share."""

from collections.abc import Sequence

from catalog.domain.offering_kind import OfferingKind
from catalog.domain.text import listed_within
from kernel.errors import ErrorKind, FieldViolation, TollkeeperError, not_found, precondition


def id_taken(thing: str, id: str) -> TollkeeperError:
    """The id belongs to a different thing of the same kind."""
    message = f"A different {thing} has the id {id}. Update that one, or choose another id."
    return TollkeeperError(ErrorKind.ALREADY_EXISTS, "ID_TAKEN", message, metadata={"id": id})


def immutable(thing: str, differences: Sequence[tuple[str, str]]) -> TollkeeperError:
    """An update of a feature or a coupon would change what never does: at least one field within the thing, each with a
    sentence.
    """
    field, message = differences[0]
    return TollkeeperError(
        ErrorKind.FAILED_PRECONDITION,
        f"{thing.upper()}_IMMUTABLE_FIELD",
        f"{thing}.{field} {message}.",
        tuple(FieldViolation(f"{thing}.{field}", message) for field, message in differences),
        {"field": field},
    )


def product_not_found(product_id: str) -> TollkeeperError:
    """There is no such product."""
    return not_found("PRODUCT_NOT_FOUND", f"No product has the id {product_id}.", product_id=product_id)


def feature_not_found(feature_id: str) -> TollkeeperError:
    """There is no such feature."""
    return not_found("FEATURE_NOT_FOUND", f"No feature has the id {feature_id}.", feature_id=feature_id)


def coupon_not_found(coupon_id: str) -> TollkeeperError:
    """There is no such coupon."""
    return not_found("COUPON_NOT_FOUND", f"No coupon has the id {coupon_id}.", coupon_id=coupon_id)


def offering_not_found(kind: OfferingKind, id: str) -> TollkeeperError:
    """There is no such plan or add-on."""
    return not_found(f"{kind}_NOT_FOUND", f"No {kind.word} has the id {id}.", **{f"{kind.field}_id": id})


def version_not_found(kind: OfferingKind, id: str, version: int) -> TollkeeperError:
    """The plan or add-on has no such version."""
    missing = f"The {kind.word} {id} has no version {version}."
    message = missing if version else f"No version of the {kind.word} {id} is published yet."
    return not_found(f"{kind}_VERSION_NOT_FOUND", message, **{f"{kind.field}_id": id})


def not_published(*, plan_ids: Sequence[str], add_on_ids: Sequence[str]) -> TollkeeperError:
    """The base plan, or a compatible or required add-on, has no version yet."""
    things = [f"the plan {each}" for each in plan_ids] + [f"the add-on {each}" for each in add_on_ids]
    metadata = {"plan_ids": ", ".join(plan_ids), "add_on_ids": listed_within(add_on_ids)}
    message = f"Not published yet: {listed_within(things)}. Publish each first."
    return precondition("NOT_PUBLISHED", message, **{name: ids for name, ids in metadata.items() if ids})
