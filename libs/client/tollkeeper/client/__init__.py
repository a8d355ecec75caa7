"""Tollkeeper for Python applications: typed clients, a usage reporter, and entitlement checks in the caller's own process."""

from tollkeeper.client.calling import Retries
from tollkeeper.client.check import Check, CheckFailure
from tollkeeper.client.consistency import CURRENT, FASTEST, Consistency
from tollkeeper.client.decision import Decision, FeatureType, Reason, Source
from tollkeeper.client.entitlements import AsyncEntitlements, Entitlements
from tollkeeper.client.errors import (
    AlreadyExistsError,
    ConflictError,
    DeadlineError,
    ExhaustedError,
    FieldViolation,
    InvalidRequestError,
    NotFoundError,
    PreconditionError,
    TollkeeperError,
    UnavailableError,
)
from tollkeeper.client.event import Event
from tollkeeper.client.grant import (
    GrantedUsage,
    GrantReset,
    PromotionalGrant,
    ResetInterval,
    Revocation,
)
from tollkeeper.client.metering import (
    Granularity,
    ReportedEvents,
    RetractedEvents,
    Retraction,
    Usage,
    UsagePoint,
)
from tollkeeper.client.page import Page
from tollkeeper.client.projection.fallback import Fallback
from tollkeeper.client.projection.projection import EntitlementsProjection
from tollkeeper.client.reporter.queue import ReporterClosedError, ReporterFullError, WhenFull
from tollkeeper.client.reporter.reporter import UsageReporter
from tollkeeper.client.reporter.statistics import ReporterStatistics
from tollkeeper.client.reservation import AsyncReservation, Reservation, ReservationRefusedError
from tollkeeper.client.tollkeeper import AsyncTollkeeper, Tollkeeper
from tollkeeper.client.usage import CommittedUsage, Enforcement, ShadowRefusals, UpdateBehavior, UsageReport
from tollkeeper.client.wire import Period

__all__ = [
    "CURRENT",
    "FASTEST",
    "AlreadyExistsError",
    "AsyncEntitlements",
    "AsyncReservation",
    "AsyncTollkeeper",
    "Check",
    "CheckFailure",
    "CommittedUsage",
    "ConflictError",
    "Consistency",
    "DeadlineError",
    "Decision",
    "Enforcement",
    "Entitlements",
    "EntitlementsProjection",
    "Event",
    "ExhaustedError",
    "Fallback",
    "FeatureType",
    "FieldViolation",
    "GrantReset",
    "GrantedUsage",
    "Granularity",
    "InvalidRequestError",
    "NotFoundError",
    "Page",
    "Period",
    "PreconditionError",
    "PromotionalGrant",
    "Reason",
    "ReportedEvents",
    "ReporterClosedError",
    "ReporterFullError",
    "ReporterStatistics",
    "Reservation",
    "ReservationRefusedError",
    "ResetInterval",
    "RetractedEvents",
    "Retraction",
    "Retries",
    "Revocation",
    "ShadowRefusals",
    "Source",
    "Tollkeeper",
    "TollkeeperError",
    "UnavailableError",
    "UpdateBehavior",
    "Usage",
    "UsagePoint",
    "UsageReport",
    "UsageReporter",
    "WhenFull",
]
