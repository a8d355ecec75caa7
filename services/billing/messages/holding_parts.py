"""Commitments, add-ons and coupons in callers' requests, read with every mistake at once."""

from collections.abc import Sequence

from billing.domain.commitment import Commitment
from billing.domain.holding import HeldAddOn
from kernel.errors import Mistakes
from kernel.ids import check_id
from kernel.quantity import ZERO, parse_quantity
from tollkeeper.billing.v1 import subscription_pb2 as pb

# The contract's bounds: a plan has at most as many charges, and add-ons, and a person reads at most as many coupons.
_MOST_COMMITMENTS = 100
_MOST_ADD_ONS = 50
_MOST_COUPONS = 10


def commitments_from_proto(messages: Sequence[pb.Commitment], mistakes: Mistakes) -> tuple[Commitment, ...]:
    """The commitments that the caller asks for; what is wrong about them in any plan is noted with its path."""
    if _too_many(messages, "commitments", limit=_MOST_COMMITMENTS, mistakes=mistakes):
        return ()
    found: dict[str, Commitment] = {}
    for i, message in enumerate(messages):
        path = f"commitments[{i}]"
        feature_id = mistakes.attempt(check_id, message.feature_id, f"{path}.feature_id")
        quantity = mistakes.attempt(parse_quantity, message.quantity, f"{path}.quantity")
        if feature_id in found:
            mistakes.add(f"{path}.feature_id", f"names {feature_id} a second time: name each feature once")
        elif feature_id is not None:
            found[feature_id] = Commitment(feature_id, quantity or ZERO)
    return tuple(found.values())


def add_ons_from_proto(
    messages: Sequence[pb.SubscriptionAddOn], mistakes: Mistakes, *, least: int
) -> tuple[HeldAddOn, ...]:
    """The add-ons that the caller asks for, at least so many of each."""
    if _too_many(messages, "add_ons", limit=_MOST_ADD_ONS, mistakes=mistakes):
        return ()
    found: dict[str, HeldAddOn] = {}
    for i, message in enumerate(messages):
        path = f"add_ons[{i}]"
        add_on_id = mistakes.attempt(check_id, message.add_on_id, f"{path}.add_on_id")
        if message.quantity < least:
            mistakes.add(f"{path}.quantity", f"must be at least {least}")
        if add_on_id in found:
            mistakes.add(f"{path}.add_on_id", f"names {add_on_id} a second time: name each add-on once")
        elif add_on_id is not None:
            found[add_on_id] = HeldAddOn(add_on_id, message.quantity)
    return tuple(found.values())


def coupon_ids_from_proto(ids: Sequence[str], path: str, mistakes: Mistakes) -> tuple[str, ...]:
    """The coupons that the caller names."""
    if _too_many(ids, path, limit=_MOST_COUPONS, mistakes=mistakes):
        return ()
    for i, coupon_id in enumerate(ids):
        mistakes.attempt(check_id, coupon_id, f"{path}[{i}]")
        if coupon_id in ids[:i]:
            mistakes.add(f"{path}[{i}]", f"names {coupon_id[:128]} a second time: name each coupon once")
    return tuple(ids)


def _too_many(given: Sequence[object], path: str, *, limit: int, mistakes: Mistakes) -> bool:
    if len(given) <= limit:
        return False
    mistakes.add(path, f"must have at most {limit} entries, not {len(given):,}")
    return True
