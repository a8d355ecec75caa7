"""Refusals that several commands share."""

from kernel.errors import ErrorKind, TollkeeperError, not_found


def id_taken(thing: str, id: str) -> TollkeeperError:
    """The id belongs to a different thing of the same kind."""
    message = f"A different {thing} has the id {id}. Update that one, or choose another id."
    return TollkeeperError(ErrorKind.ALREADY_EXISTS, "ID_TAKEN", message, metadata={"id": id})


def product_not_found(product_id: str) -> TollkeeperError:
    """There is no such product."""
    return not_found("PRODUCT_NOT_FOUND", f"No product has the id {product_id}.", product_id=product_id)


def feature_not_found(feature_id: str) -> TollkeeperError:
    """There is no such feature."""
    return not_found("FEATURE_NOT_FOUND", f"No feature has the id {feature_id}.", feature_id=feature_id)


def plan_not_found(plan_id: str) -> TollkeeperError:
    """There is no such plan."""
    return not_found("PLAN_NOT_FOUND", f"No plan has the id {plan_id}.", plan_id=plan_id)


def plan_version_not_found(plan_id: str, version: int) -> TollkeeperError:
    """The plan has no such version."""
    message = (
        f"The plan {plan_id} has no version {version}."
        if version
        else f"No version of the plan {plan_id} is published yet."
    )
    return not_found("PLAN_VERSION_NOT_FOUND", message, plan_id=plan_id)
