"""How much of a difference fits into an answer."""

from dataclasses import replace

from catalog.domain.catalog_diff import ChangeType, FieldChange, ResourceChange, ResourceType
from catalog.domain.feature import BooleanFeature
from catalog.domain.plan import Completion, complete_version
from catalog.messages.catalog import MAX_ANSWER_BYTES, add_versions_that_fit, changes_to_proto
from tests.unit.catalog.samples import NOW, feature, free, plan, spec
from tollkeeper.catalog.v1 import catalog_service_pb2 as pb


def _change(number: int, places: int) -> ResourceChange:
    fields = tuple(
        FieldChange(f"effective_entitlements[feature-{place:04}].metered.limit", "1" * 30, "2" * 30)
        for place in range(places)
    )
    return ResourceChange(ResourceType.PLAN, f"plan-{number:03}", ChangeType.CHANGED, fields, 2)


def test_every_place_is_named_where_there_is_room() -> None:
    (message,) = changes_to_proto([_change(0, 5)])
    assert len(message.fields) == 5
    assert (message.resource.id, message.plan_version) == ("plan-000", 2)


def test_of_too_many_places_the_first_are_named_and_the_others_counted() -> None:
    changes = [_change(number, 500) for number in range(100)]
    response = pb.ApplyCatalogResponse(changes=changes_to_proto(changes))
    assert response.ByteSize() < MAX_ANSWER_BYTES
    assert len(response.changes[0].fields) == 500
    last = response.changes[-1].fields
    assert len(last) == 5
    assert (last[-1].path, last[-1].new_value) == ("…", "and 496 more")
    told = sum(
        int(field.new_value.split()[1]) if field.path == "…" else 1
        for change in response.changes
        for field in change.fields
    )
    assert told == 500 * 100


def test_as_many_versions_are_shown_as_the_answer_has_room_for() -> None:
    large = feature(spec("f", BooleanFeature()), description="x" * 1_000_000)
    version = complete_version(plan(), free(), Completion({}), now=NOW)
    versions = [replace(version, features=(large,))] * 5
    response = pb.ApplyCatalogResponse()
    add_versions_that_fit(response, versions)
    assert len(response.plan_versions) == 3
    assert response.ByteSize() <= MAX_ANSWER_BYTES
