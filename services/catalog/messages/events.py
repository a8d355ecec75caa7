"""What happened, as the events that tell of it."""

from typing import assert_never

from google.protobuf.message import Message

from catalog.domain.add_on import AddOn
from catalog.domain.catalog_application import Happening
from catalog.domain.coupon import Coupon
from catalog.domain.feature import Feature
from catalog.domain.offering import Offering
from catalog.domain.plan import Plan
from catalog.domain.product import Product
from catalog.messages.add_on import add_on_to_proto
from catalog.messages.coupon import coupon_to_proto
from catalog.messages.feature import feature_to_proto
from catalog.messages.plan import plan_to_proto
from catalog.messages.product import product_to_proto
from tollkeeper.catalog.v1 import catalog_events_pb2 as pb


def announcement(happening: Happening) -> tuple[str, str, str, Message]:
    """The thing, the verb, the id and the event, as `kit.outbox.Outbox.put_all` takes them."""
    thing, verb = happening.thing, happening.verb
    match thing:
        case Feature():
            of_feature = {"created": pb.FeatureCreated, "updated": pb.FeatureUpdated}
            return "feature", verb, thing.id, of_feature[verb](feature=feature_to_proto(thing))
        case Product():
            of_product = {"created": pb.ProductCreated, "updated": pb.ProductUpdated}
            return "product", verb, thing.id, of_product[verb](product=product_to_proto(thing))
        case AddOn():
            of_add_on = {"created": pb.AddOnCreated, "updated": pb.AddOnUpdated, "published": pb.AddOnPublished}
            return "add_on", verb, thing.id, of_add_on[verb](add_on=add_on_to_proto(thing))
        case Coupon():
            of_coupon = {"created": pb.CouponCreated, "updated": pb.CouponUpdated}
            return "coupon", verb, thing.id, of_coupon[verb](coupon=coupon_to_proto(thing))
        case Plan():
            of_plan = {"created": pb.PlanCreated, "updated": pb.PlanUpdated, "published": pb.PlanPublished}
            return "plan", verb, thing.id, of_plan[verb](plan=plan_to_proto(thing))
        case Offering():
            raise TypeError(f"no events of a {type(thing).__name__}")
        case _:
            assert_never(thing)
