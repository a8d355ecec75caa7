"""What is sold, as a story says it: features, products, plans, add-ons and coupons become one `ApplyCatalog` request.

Numbers pass as they are written, so that a story may also tell what the catalog refuses.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.scenarios import charge_words
from tests.scenarios.story import Line
from tests.scenarios.words import DECIMAL, NAME, clauses, constant, listed
from tollkeeper.catalog.v1.add_on_pb2 import AddOn
from tollkeeper.catalog.v1.catalog_service_pb2 import AddOnDocument, ApplyCatalogRequest, PlanDocument
from tollkeeper.catalog.v1.coupon_pb2 import COUPON_DURATION_MONTHS, Coupon, CouponDuration
from tollkeeper.catalog.v1.entitlement_pb2 import (
    MERGE_BEHAVIOR_OVERRIDE,
    BooleanEntitlement,
    Entitlement,
    NumericEntitlement,
    Unlimited,
)
from tollkeeper.catalog.v1.feature_pb2 import (
    AGGREGATION_COUNT,
    AGGREGATION_SUM,
    AGGREGATION_UNIQUE,
    USAGE_BEHAVIOR_FLUCTUATING,
    USAGE_BEHAVIOR_INCREMENTAL,
    USAGE_SOURCE_CALCULATED,
    USAGE_SOURCE_EVENTS,
    Feature,
)
from tollkeeper.catalog.v1.plan_pb2 import PricingType, Trial, TrialEndBehavior
from tollkeeper.catalog.v1.product_pb2 import Product


@dataclass(slots=True)
class CatalogNames:
    """What a story has named so far.

    Attributes:
        id_of: Makes the id of a name; no other story has it.
        things: By name what it is: "feature", "product", "plan", "add-on" or "coupon".
    """

    id_of: Callable[[str], str]
    things: dict[str, str] = field(default_factory=dict)
    product: str = ""

    def read(self, lines: tuple[Line, ...]) -> ApplyCatalogRequest:
        """The request that makes the catalog as the lines say."""
        request = ApplyCatalogRequest()
        for line in lines:
            said = _HEAD.fullmatch(line.text)
            if said is None:
                line.fail("begins with feature, product, plan, add-on or coupon, and a name")
            kind, name, product, rest = said.groups()
            self.things[name] = kind
            _READERS[kind](self, request, line, name=name, product=product or self.product, rest=rest or "")
        return request


_HEAD = re.compile(rf"(feature|product|plan|add-on|coupon) ({NAME})(?: of ({NAME}))?(?:: (.+))?")
_METERS = (
    (re.compile(r"counts (\S+)"), AGGREGATION_COUNT),
    (re.compile(r"sums (\S+) of (\S+)"), AGGREGATION_SUM),
    (re.compile(r"different (\S+) of (\S+)"), AGGREGATION_UNIQUE),
)


def _feature(
    names: CatalogNames, request: ApplyCatalogRequest, line: Line, *, name: str, product: str, rest: str
) -> None:
    feature = request.features.add(id=names.id_of(name), display_name=name.capitalize())
    if rest == "switch":
        feature.boolean.SetInParent()
    elif rest == "number":
        feature.numeric.SetInParent()
    elif rest in {"goes up and down", "counted"}:
        fluctuates = rest == "goes up and down"
        feature.metered.usage_behavior = USAGE_BEHAVIOR_FLUCTUATING if fluctuates else USAGE_BEHAVIOR_INCREMENTAL
        feature.metered.usage_source = USAGE_SOURCE_CALCULATED
    else:
        _meter(feature, line, rest)
    if feature.HasField("metered"):
        feature.metered.unit_singular, feature.metered.unit_plural = name.removesuffix("s"), name


def _meter(feature: Feature, line: Line, rest: str) -> None:
    for pattern, aggregation in _METERS:
        said = pattern.fullmatch(rest)
        if said is not None:
            *dimension, event = said.groups()
            metered = feature.metered
            metered.usage_behavior, metered.usage_source = USAGE_BEHAVIOR_INCREMENTAL, USAGE_SOURCE_EVENTS
            metered.meter.event_names.append(event)
            metered.meter.aggregation = aggregation
            metered.meter.field = "".join(dimension)
            return
    line.fail("a feature is a switch, a number, counted, goes up and down, or counts/sums/different … of an event")


def _product(
    names: CatalogNames, request: ApplyCatalogRequest, line: Line, *, name: str, product: str, rest: str
) -> None:
    if rest not in {"", "several subscriptions"}:
        line.fail("a product may have several subscriptions, and nothing else")
    request.products.append(
        Product(id=names.id_of(name), display_name=name.capitalize(), multiple_subscriptions=bool(rest))
    )
    names.product = name


def _plan(names: CatalogNames, request: ApplyCatalogRequest, line: Line, *, name: str, product: str, rest: str) -> None:
    document = PlanDocument()
    document.plan.id, document.plan.product_id = names.id_of(name), names.id_of(product)
    document.plan.display_name = name.capitalize()
    content = document.content
    content.pricing_type = constant(PricingType, rest or "paid")  # type: ignore[assignment]  # checked by name.
    for child in line.children:
        if said := re.fullmatch(r"trial of (\d+) days, then (converts|expires)", child.text):
            ending = constant(TrialEndBehavior, said[2].removesuffix("s"))
            content.trial.CopyFrom(Trial(duration_days=int(said[1]), end_behavior=ending))  # type: ignore[arg-type]  # likewise.
        elif said := re.fullmatch(rf"inherits ({NAME})", child.text):
            content.base_plan_id = names.id_of(said[1])
        elif said := re.fullmatch(r"offers (.+)", child.text):
            content.compatible_add_on_ids.extend(names.id_of(one) for one in listed(said[1]))
        elif said := re.fullmatch(r"includes (.+)", child.text):
            content.entitlements.append(_entitlement(names, child, said[1]))
        else:
            content.charges.append(charge_words.read_charge(child, names.id_of))
    request.plans.append(document)


def _add_on(
    names: CatalogNames, request: ApplyCatalogRequest, line: Line, *, name: str, product: str, rest: str
) -> None:
    add_on = AddOn(id=names.id_of(name), product_id=names.id_of(product), display_name=name.capitalize())
    document = AddOnDocument(add_on=add_on)
    document.content.SetInParent()
    for clause in clauses(rest):
        if said := re.fullmatch(r"at most (\d+)", clause):
            document.content.maximum_quantity = int(said[1])
        elif said := re.fullmatch(rf"requires ({NAME})", clause):
            document.content.required_add_on_ids.append(names.id_of(said[1]))
        else:
            line.fail(f"an add-on may be had at most N times or requires another, not {clause!r}")
    for child in line.children:
        if said := re.fullmatch(r"includes (.+)", child.text):
            document.content.entitlements.append(_entitlement(names, child, said[1]))
        else:
            document.content.charges.append(charge_words.read_charge(child, names.id_of))
    request.add_ons.append(document)


def _entitlement(names: CatalogNames, line: Line, said: str) -> Entitlement:
    """`sso`, `30 days-kept of history`, `1000 calls, soft, every month, overriding`."""
    first, *more = clauses(said)
    amount, _, feature = first.rpartition(" ")
    entitlement = Entitlement(feature_id=names.id_of(feature))
    if not amount:
        entitlement.boolean.CopyFrom(BooleanEntitlement())
    elif amount == "number":
        line.fail("say how much")
    elif said_number := re.fullmatch(rf"the number ({DECIMAL}) of", amount):
        entitlement.numeric.CopyFrom(NumericEntitlement(value=said_number[1]))
    elif amount == "unlimited":
        entitlement.metered.unlimited.CopyFrom(Unlimited())
    else:
        entitlement.metered.limit = amount
    for clause in more:
        if clause == "soft":
            entitlement.metered.soft_limit = True
        elif clause == "overriding":
            entitlement.merge_behavior = MERGE_BEHAVIOR_OVERRIDE
        else:
            entitlement.metered.usage_reset.CopyFrom(charge_words.reset(line, clause))
    return entitlement


_DURATION = re.compile(r"(.+?) off,? (once|forever|for (\d+) months?)")


def _coupon(
    names: CatalogNames, request: ApplyCatalogRequest, line: Line, *, name: str, product: str, rest: str
) -> None:
    said = _DURATION.fullmatch(rest)
    if said is None:
        line.fail('a coupon takes "20 %" or "10.00 USD, 9.00 EUR" off once, forever, or for N months')
    coupon = Coupon(id=names.id_of(name), display_name=name)
    if said[1].endswith("%"):
        coupon.percent_off = said[1].removesuffix("%").strip()
    else:
        for clause in clauses(said[1]):
            amount, code = clause.split(" ")
            coupon.amount_off.amounts.add(currency=code, amount=amount)
    if said[3]:
        coupon.duration, coupon.duration_months = COUPON_DURATION_MONTHS, int(said[3])
    else:
        coupon.duration = constant(CouponDuration, said[2])  # type: ignore[assignment]  # checked by name.
    request.coupons.append(coupon)


_READERS = {"feature": _feature, "product": _product, "plan": _plan, "add-on": _add_on, "coupon": _coupon}
