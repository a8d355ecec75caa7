"""What is wrong with a request in any plan is told at once, before any plan is asked for."""

import pytest

from billing.messages.agreement import agreement_from_proto
from billing.messages.update import commitments_update_from_proto
from kernel.errors import TollkeeperError
from tollkeeper.billing.v1 import subscription_pb2
from tollkeeper.billing.v1 import subscription_service_pb2 as pb

WRONG = [("gates", "-1"), ("gates", "2"), ("", "x"), ("seats", "1e3")]
COMMITMENTS = [subscription_pb2.Commitment(feature_id=feature, quantity=quantity) for feature, quantity in WRONG]
PATHS = [
    "commitments[0].quantity",
    "commitments[1].feature_id",
    "commitments[2].feature_id",
    "commitments[2].quantity",
    "commitments[3].quantity",
]


def test_every_mistake_of_an_agreement_is_named() -> None:
    request = pb.ProvisionSubscriptionRequest(plan_id="p", time_zone="Mars", currency="XYZ", commitments=COMMITMENTS)
    with pytest.raises(TollkeeperError) as refused:
        agreement_from_proto(request)
    paths = [violation.path for violation in refused.value.violations]
    assert paths == ["customer_id", "billing_period", *PATHS, "time_zone", "currency"]


def test_every_mistake_of_other_commitments_is_named() -> None:
    with pytest.raises(TollkeeperError) as refused:
        commitments_update_from_proto(pb.UpdateCommitmentsRequest(subscription_id="s", commitments=COMMITMENTS))
    assert [violation.path for violation in refused.value.violations] == PATHS
