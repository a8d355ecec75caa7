"""The consistency tokens of billing's writes."""

from collections.abc import Sequence

from billing.domain.customer import Customer
from billing.domain.subscription import Subscription
from billing.domain.test_clock import TestClock
from kernel.token import Fact, FactKind, Token

# More would not fit into a token with the longest ids; the clock's own fact then stands for all.
MOST_SUBSCRIPTIONS = 16


def customer_token(customer: Customer) -> str:
    """Names a write to a customer."""
    return Token.of(FactKind.CUSTOMER, customer.id, revision=customer.revision).encode()


def subscription_token(subscription: Subscription, customer: Customer) -> str:
    """Names a write to a subscription, and its customer, whose credit it may have changed."""
    facts = (
        Fact(FactKind.CUSTOMER, customer.id, customer.revision),
        Fact(FactKind.SUBSCRIPTION, subscription.id, subscription.revision),
    )
    return Token(facts=facts).encode()


def clock_token(clock: TestClock, subscriptions: Sequence[tuple[str, int]] = ()) -> str:
    """Names a write to a clock, and the (id, revision) of the subscriptions that it changed, if they are few."""
    facts = [Fact(FactKind.TEST_CLOCK, clock.id, clock.revision)]
    if len(subscriptions) <= MOST_SUBSCRIPTIONS:
        facts += [Fact(FactKind.SUBSCRIPTION, name, revision) for name, revision in subscriptions]
    return Token(facts=tuple(facts)).encode()
