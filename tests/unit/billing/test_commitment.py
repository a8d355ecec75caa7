"""What may be committed: bounds, blocks, defaults, and what stays with another plan."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest

from billing.domain.commitment import Commitment, asked_commitments, first_commitments, kept_commitments
from billing.domain.plan_terms import PlanTerms
from kernel.errors import TollkeeperError
from kernel.pricing import FlatRate
from tests.unit.billing.terms import PACKAGE, commitments, committed, plan, used

SEATS = FlatRate(Decimal(20))
TERMS = plan(
    committed(SEATS, minimum="3", maximum="12"),
    committed(PACKAGE, feature_id="slots", maximum="60"),
    used(PACKAGE),
)


def held(given: Sequence[Commitment]) -> dict[str, str]:
    return {commitment.feature_id: str(commitment.quantity) for commitment in given}


def refusal(terms: PlanTerms, *asked: tuple[str, str]) -> dict[str, str]:
    with pytest.raises(TollkeeperError) as refused:
        first_commitments(terms, [Commitment(feature, Decimal(quantity)) for feature, quantity in asked])
    assert refused.value.reason == "COMMITMENT_INVALID"
    return {violation.path: violation.message for violation in refused.value.violations}


@pytest.mark.parametrize(
    ("asked", "committed_quantities"),
    [
        ({}, {"gates": "3", "slots": "25"}),
        ({"gates": "12"}, {"gates": "12", "slots": "25"}),
        ({"slots": "25", "gates": "3"}, {"gates": "3", "slots": "25"}),
        ({"slots": "26"}, {"gates": "3", "slots": "50"}),
        ({"slots": "0.5", "gates": "3.5"}, {"gates": "3.5", "slots": "25"}),
    ],
)
def test_what_is_committed(asked: Mapping[str, str], committed_quantities: Mapping[str, str]) -> None:
    assert held(first_commitments(TERMS, commitments(asked))) == committed_quantities


@pytest.mark.parametrize(
    ("asked", "path", "message"),
    [
        (("gates", "2"), "commitments[0].quantity", "must be at least 3 of gates"),
        (("gates", "-1"), "commitments[0].quantity", "must be at least 3 of gates"),
        (("gates", "12.000001"), "commitments[0].quantity", "must be at most 12 of gates"),
        (("slots", "51"), "commitments[0].quantity", "must be at most 60 of slots; in whole blocks it is 75"),
        (("slots", "0"), "commitments[0].quantity", "must be at least 1 of slots"),
        (
            ("departures", "1"),
            "commitments[0].feature_id",
            "must be a feature that the plan airline sells by commitment: gates, slots",
        ),
        (
            ("", "1"),
            "commitments[0].feature_id",
            "must be a feature that the plan airline sells by commitment: gates, slots",
        ),
    ],
)
def test_a_refusal_names_the_field_and_the_remedy(asked: tuple[str, str], path: str, message: str) -> None:
    assert refusal(TERMS, asked) == {path: message}


def test_all_mistakes_are_told_at_once() -> None:
    found = refusal(TERMS, ("gates", "1"), ("runways", "1"), ("slots", "99"), ("slots", "1"))
    assert list(found) == [
        "commitments[0].quantity",
        "commitments[1].feature_id",
        "commitments[2].quantity",
        "commitments[3].feature_id",
    ]
    assert found["commitments[3].feature_id"] == "names slots a second time: name each feature once"


def test_a_plan_without_commitments_takes_none() -> None:
    assert first_commitments(plan(), ()) == ()
    assert refusal(plan(), ("gates", "1")) == {
        "commitments[0].feature_id": "must be left out: the plan airline has no charge with a commitment"
    }


def test_a_least_commitment_that_no_whole_block_meets_is_refused() -> None:
    terms = plan(committed(PACKAGE, minimum="30", maximum="40"))
    assert refusal(terms) == {"commitments": "must be at most 40 of gates; in whole blocks it is 50"}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"gates": "5"}, {"gates": "5"}),
        ({"slots": "26"}, {"slots": "50"}),
        ({"slots": "50", "gates": "3"}, {"slots": "50", "gates": "3"}),
        ({}, {}),
    ],
)
def test_what_is_asked_for_is_named_alone(asked: Mapping[str, str], expected: Mapping[str, str]) -> None:
    quantities = asked_commitments(TERMS, commitments(asked))
    assert {feature_id: str(quantity) for feature_id, quantity in quantities.items()} == expected


def test_mistakes_of_a_change_are_told_at_once() -> None:
    with pytest.raises(TollkeeperError) as refused:
        asked_commitments(TERMS, commitments({"gates": "1", "slots": "61", "runways": "1"}))
    assert refused.value.reason == "COMMITMENT_INVALID"
    paths = [violation.path for violation in refused.value.violations]
    assert paths == ["commitments[0].quantity", "commitments[1].quantity", "commitments[2].feature_id"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"gates": "3", "slots": "25"}, {"gates": "3", "slots": "25"}),
        ({"gates": "12", "slots": "26"}, {"gates": "12", "slots": "50"}),
        # Beyond the other plan's bounds: asked for anew, which is its minimum.
        ({"gates": "13", "slots": "51"}, {}),
        ({"gates": "2.9", "slots": "50"}, {"slots": "50"}),
        # What it does not sell goes, what it sells besides comes with its minimum.
        ({"runways": "2"}, {"gates": "3", "slots": "25"}),
    ],
)
def test_what_another_plan_keeps(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    kept = kept_commitments(TERMS, {feature_id: Decimal(quantity) for feature_id, quantity in before.items()})
    assert held(kept) == after
