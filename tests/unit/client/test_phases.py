"""What a customer keeps is not refused at the moment at which it changes, before the message that says to what."""

from datetime import timedelta
from decimal import Decimal

from entitlements.commands.watched_customer import WatchedCustomer
from entitlements.domain.entry import Entry
from entitlements.domain.plan import MeteredGrant
from entitlements.domain.subscription import Scheduled
from entitlements.domain.watched import customer_state
from tests.unit.entitlements.build import START, install, offered, plan, subscription, terms
from tollkeeper.client import Decision, Reason
from tollkeeper.client.projection.deciding import Question, decide
from tollkeeper.client.projection.state import CustomerState, state_from_proto
from tollkeeper.entitlements.v1.entitlements_service_pb2 import WatchEntitlementsResponse

CHANGE = START + timedelta(days=5)
LARGE = plan({"calls": MeteredGrant(Decimal(5), soft=False, reset=None)})
SMALL = plan({"calls": MeteredGrant(Decimal(2), soft=False, reset=None)}, version=2)
OTHER = plan({"gates": MeteredGrant(Decimal(2), soft=False, reset=None)}, version=3)


def told(later: int) -> CustomerState:
    """What a client knows of a customer whose plan becomes another version at the change."""
    held = subscription(scheduled=Scheduled(CHANGE, terms(version=later)))
    entry = Entry("c")
    install(entry, offered([held], LARGE, SMALL, OTHER))
    customer = WatchedCustomer("c")
    customer.take(customer_state(entry, START), START)
    return state_from_proto(WatchEntitlementsResponse.FromString(customer.whole()).customer)


def check(state: CustomerState, days: int) -> Decision:
    """A bare check so many days later."""
    return decide(state, Question("calls", Decimal(1), (), START + timedelta(days=days)))


def test_a_change_of_the_limit_waits_for_its_message() -> None:
    state = told(later=2)
    assert check(state, 4).limit == check(state, 5).limit == Decimal(5)
    assert check(state, 5).reason is Reason.WITHIN_LIMIT


def test_what_ends_with_the_change_ends_without_a_message() -> None:
    state = told(later=3)
    assert check(state, 4).granted
    assert not check(state, 5).granted
