"""Ends a subscription, now or later, and takes a scheduled end back."""

from billing.commands.change_subscription import Asked, ChangeSubscription, Given, nothing_offered
from billing.domain.cancel import Cancellation, cancel, resume
from billing.domain.charging import Step
from billing.domain.subscription import Subscription
from billing.messages.request_key import RequestKey
from tollkeeper.billing.v1.subscription_service_pb2 import CancelSubscriptionResponse, ResumeSubscriptionResponse


class CancelSubscription:
    """Cancels a subscription, or shows what canceling it would do."""

    def __init__(self, change: ChangeSubscription) -> None:
        self._change = change

    async def __call__(self, asked: Cancellation, key: RequestKey | None) -> CancelSubscriptionResponse:
        """The subscription with its end, and what was charged or credited at once.

        Raises:
            TollkeeperError: As the contract says.
        """
        return await self._change(_asked(asked), key, CancelSubscriptionResponse)

    async def preview(self, asked: Cancellation) -> CancelSubscriptionResponse:
        """The subscription and the invoice that would be; nothing of them is stored.

        Raises:
            TollkeeperError: As the contract says.
        """
        return (await self._change.preview(_asked(asked))).response(CancelSubscriptionResponse)


class ResumeSubscription:
    """Takes a scheduled cancellation back."""

    def __init__(self, change: ChangeSubscription) -> None:
        self._change = change

    async def __call__(self, subscription_id: str, etag: str, *, key: RequestKey | None) -> ResumeSubscriptionResponse:
        """The subscription without its scheduled end.

        Raises:
            TollkeeperError: As the contract says.
        """

        def decide(subscription: Subscription, given: Given) -> Step:
            return resume(subscription, etag, now=given.now, revision=given.revision)

        asked = Asked(subscription_id, nothing_offered, decide)
        return await self._change(asked, key, ResumeSubscriptionResponse)


def _asked(asked: Cancellation) -> Asked:
    def decide(subscription: Subscription, given: Given) -> Step:
        return cancel(subscription, asked, now=given.now, revision=given.revision)

    return Asked(asked.subscription_id, nothing_offered, decide)
