"""What happened, as the events that tell of it."""

from typing import assert_never

from google.protobuf.message import Message

from catalog.domain.catalog_application import Happening
from catalog.domain.feature import Feature
from catalog.domain.plan import Plan
from catalog.domain.product import Product
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
        case Plan():
            of_plan = {"created": pb.PlanCreated, "updated": pb.PlanUpdated, "published": pb.PlanPublished}
            return "plan", verb, thing.id, of_plan[verb](plan=plan_to_proto(thing))
        case _:
            assert_never(thing)
