"""Errors become rich statuses and come back the same."""

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from kernel.errors import ErrorKind, FieldViolation, TollkeeperError, invalid
from kit.errors import CODES, status_of
from tollkeeper.billing.v1 import error_reason_pb2 as billing
from tollkeeper.catalog.v1 import error_reason_pb2 as catalog
from tollkeeper.common.v1 import error_reason_pb2 as common
from tollkeeper.entitlements.v1 import error_reason_pb2 as entitlements
from tollkeeper.metering.v1 import error_reason_pb2 as metering


def _status(error: TollkeeperError, **options: int) -> status_pb2.Status:
    rich = status_of(error, "catalog", **options)
    assert rich.trailing_metadata is not None
    details = dict(rich.trailing_metadata)["grpc-status-details-bin"]
    assert isinstance(details, bytes)
    return status_pb2.Status.FromString(details)


def test_every_kind_has_its_canonical_code() -> None:
    assert {kind: CODES[kind].name for kind in ErrorKind} == {kind: kind.value for kind in ErrorKind}


def test_reason_domain_and_metadata_are_told() -> None:
    info = error_details_pb2.ErrorInfo()
    error = TollkeeperError(ErrorKind.NOT_FOUND, "PLAN_NOT_FOUND", "No.", metadata={"plan_id": "x"})
    assert _status(error).details[0].Unpack(info)
    assert (info.reason, info.domain, dict(info.metadata)) == ("PLAN_NOT_FOUND", "tollkeeper.catalog", {"plan_id": "x"})


def test_common_reasons_belong_to_the_platform() -> None:
    info = error_details_pb2.ErrorInfo()
    assert _status(invalid(FieldViolation("a", "b"))).details[0].Unpack(info)
    assert info.domain == "tollkeeper"


def test_more_mistakes_than_fit_are_counted() -> None:
    error = invalid(*(FieldViolation(f"plans[{n}].id", "must differ") for n in range(1_000)))
    request = error_details_pb2.BadRequest()
    status = _status(error)
    assert status.details[1].Unpack(request)
    assert len(status.SerializeToString()) < 8_000
    shown = len(request.field_violations) - 1
    assert request.field_violations[-1].description == f"and {1_000 - shown} more mistakes"
    full = error_details_pb2.BadRequest()
    assert _status(error, detail_bytes=1_000_000).details[1].Unpack(full)
    assert len(full.field_violations) == 1_000


@pytest.mark.parametrize("module", [billing, catalog, entitlements, metering])
def test_contexts_do_not_repeat_common_reasons(module: object) -> None:
    own = set(module.ErrorReason.keys())  # type: ignore[attr-defined]  # each module has the enum.
    assert own & set(common.ErrorReason.keys()) == {"ERROR_REASON_UNSPECIFIED"}


def test_codes_are_grpc_codes() -> None:
    assert all(isinstance(code, grpc.StatusCode) for code in CODES.values())
