"""Requests into domain values with every mistake at once; pages that fit; keys of requests."""

import pytest

from billing.messages.agreement import agreement_from_proto
from billing.messages.request_key import request_key
from billing.messages.update import commitments_update_from_proto
from kernel.errors import TollkeeperError
from tollkeeper.billing.v1 import subscription_pb2
from tollkeeper.billing.v1 import subscription_service_pb2 as pb
from tollkeeper.catalog.v1 import charge_pb2


def paths(refused: pytest.ExceptionInfo[TollkeeperError]) -> list[str]:
    assert refused.value.reason == "INVALID_FIELD"
    return [violation.path for violation in refused.value.violations]


def test_a_wrong_agreement_is_told_all_its_mistakes() -> None:
    request = pb.ProvisionSubscriptionRequest(
        plan_id="a plan",
        commitments=[
            subscription_pb2.Commitment(feature_id="gates", quantity="1e3"),
            subscription_pb2.Commitment(feature_id="slots", quantity="2"),
            subscription_pb2.Commitment(feature_id="slots"),
        ],
        time_zone="New York",
        currency="dollar",
        subscription_id="-",
        request_id="r" * 129,
    )
    with pytest.raises(TollkeeperError) as refused:
        agreement_from_proto(request)
    assert paths(refused) == [
        "customer_id",
        "plan_id",
        "billing_period",
        "commitments[0].quantity",
        "commitments[2].quantity",
        "commitments[2].feature_id",
        "time_zone",
        "currency",
        "subscription_id",
        "request_id",
    ]


def test_an_agreement_in_few_words() -> None:
    request = pb.ProvisionSubscriptionRequest(
        customer_id="UA", plan_id="airline", billing_period=charge_pb2.BILLING_PERIOD_YEARLY
    )
    agreement, key = agreement_from_proto(request)
    assert (agreement.time_zone, agreement.currency, agreement.subscription_id, key) == ("UTC", None, "", None)


@pytest.mark.parametrize(("count", "mistakes"), [(0, ["commitments"]), (1, []), (100, []), (101, ["commitments"])])
def test_other_commitments_name_one_to_a_hundred_features(count: int, mistakes: list[str]) -> None:
    commitments = [subscription_pb2.Commitment(feature_id=f"f{i}", quantity="2") for i in range(count)]
    request = pb.UpdateCommitmentsRequest(subscription_id="sub_1", commitments=commitments)
    if not mistakes:
        assert len(commitments_update_from_proto(request)[0].commitments) == count
        return
    with pytest.raises(TollkeeperError) as refused:
        commitments_update_from_proto(request)
    assert paths(refused) == mistakes


def test_a_key_tells_requests_apart() -> None:
    first = pb.CancelSubscriptionRequest(subscription_id="sub_1", request_id="r")
    same = pb.CancelSubscriptionRequest(subscription_id="sub_1", request_id="r")
    other = pb.CancelSubscriptionRequest(subscription_id="sub_2", request_id="r")
    other_rpc = pb.UpdateCommitmentsRequest(subscription_id="sub_1", request_id="r")
    assert request_key(first, "r") == request_key(same, "r")
    assert len({request_key(one, "r") for one in (first, other, other_rpc)}) == 3
    assert request_key(first, "") is None
