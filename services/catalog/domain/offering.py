"""Plans and add-ons, as far as they are the same: offerings of a product, whose content stands in numbered versions.

An offering's content is edited as a draft and frozen by publishing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from catalog.domain.content import Content, named_content
from catalog.domain.feature import Feature
from catalog.domain.offering_kind import OfferingKind
from catalog.domain.text import check_names
from kernel.errors import ErrorKind, Mistakes, TollkeeperError, precondition
from kernel.ids import check_id


@dataclass(frozen=True, slots=True)
class OfferingSpec:
    """What a vendor says of an offering, besides its content."""

    id: str
    product_id: str
    display_name: str
    description: str
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Offering:
    """A plan or an add-on as the catalog holds it.

    Attributes:
        latest_version: The newest published version; 0 where none is published.
        has_draft: Whether a draft is open; it will be the version after the latest.
        archived: Whether it is kept only for those who have it already.
    """

    kind: ClassVar[OfferingKind]

    id: str
    product_id: str
    display_name: str
    description: str
    latest_version: int
    has_draft: bool
    archived: bool
    revision: int
    create_time: datetime
    update_time: datetime

    @property
    def spec(self) -> OfferingSpec:
        """What the vendor said of it."""
        return OfferingSpec(self.id, self.product_id, self.display_name, self.description, self.archived)

    @property
    def etag(self) -> str:
        """Names this state of it: a revision is never taken twice."""
        return f"r{self.revision:x}"


class VersionState(StrEnum):
    """Whether a version may still be edited."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"


O = TypeVar("O", bound=Offering)  # noqa: E741 - the letter of its word.
C = TypeVar("C", bound=Content)


@dataclass(frozen=True, slots=True)
class OfferingVersion(Generic[C]):
    """One state of an offering's content.

    Attributes:
        id: The offering's.
        content: Of a published version: with every charge's name, where none was given the feature's or the offering's.
            Of a draft: with the names that were given.
        features: Of a published version: every feature that it names, as it was then.
        publish_time: Of a published version.
    """

    id: str
    version: int
    product_id: str
    display_name: str
    state: VersionState
    content: C
    features: tuple[Feature, ...] = ()
    publish_time: datetime | None = None


V = TypeVar("V", bound=OfferingVersion[Any])


def check_offering(spec: OfferingSpec, path: str, mistakes: Mistakes) -> None:
    """Notes every mistake of an offering, besides its content."""
    mistakes.attempt(check_id, spec.id, f"{path}.id")
    mistakes.attempt(check_id, spec.product_id, f"{path}.product_id")
    check_names(spec.display_name, spec.description, path=path, mistakes=mistakes)


def settle_offering(spec: OfferingSpec) -> OfferingSpec:
    """The checked offering with its defaults filled in."""
    return replace(spec, display_name=spec.display_name or spec.id)


def create_offering(make: type[O], spec: OfferingSpec, now: datetime, *, revision: int) -> O:
    """A new offering of a settled spec, without any version."""
    return make(
        id=spec.id,
        product_id=spec.product_id,
        display_name=spec.display_name,
        description=spec.description,
        latest_version=0,
        has_draft=False,
        archived=spec.archived,
        revision=revision,
        create_time=now,
        update_time=now,
    )


def change_offering(offering: O, spec: OfferingSpec, now: datetime, *, revision: int) -> O:
    """The offering with the name, the description and the archiving of a settled spec."""
    return replace(
        offering,
        display_name=spec.display_name,
        description=spec.description,
        archived=spec.archived,
        revision=revision,
        update_time=now,
    )


def save_draft(offering: O, now: datetime, *, revision: int) -> O:
    """The offering with an open draft."""
    return replace(offering, has_draft=True, revision=revision, update_time=now)


def discard_draft(offering: O, now: datetime, *, revision: int) -> O:
    """The offering without its draft.

    Raises:
        TollkeeperError: `DRAFT_NOT_OPEN`.
    """
    check_draft_open(offering)
    return replace(offering, has_draft=False, revision=revision, update_time=now)


def check_draft_open(offering: Offering) -> None:
    """Refuses an offering without an open draft.

    Raises:
        TollkeeperError: `DRAFT_NOT_OPEN`.
    """
    if not offering.has_draft:
        kind = offering.kind
        message = f"The {kind.word} {offering.id} has no open draft. Save one first."
        raise precondition("DRAFT_NOT_OPEN", message, **{f"{kind.field}_id": offering.id})


def check_etag(offering: Offering, etag: str) -> None:
    """Refuses the etag of another state; an empty one says that any state will do.

    Raises:
        TollkeeperError: `ETAG_MISMATCH`.
    """
    if etag and etag != offering.etag:
        kind = offering.kind
        message = (
            f"The {kind.word} {offering.id} changed since it was read. Read it again and repeat with its new etag."
        )
        raise TollkeeperError(ErrorKind.ABORTED, "ETAG_MISMATCH", message, metadata={f"{kind.field}_id": offering.id})


def draft_of(make: type[V], offering: Offering, content: Content) -> V:
    """The open draft, with the number it will have when published."""
    return make(
        offering.id,
        offering.latest_version + 1,
        offering.product_id,
        offering.display_name,
        VersionState.DRAFT,
        content,
    )


def next_version(
    make: type[V], offering: Offering, content: Content, features: Mapping[str, Feature], *, now: datetime
) -> V:
    """The next version of an offering: frozen, with the features that its content names.

    Args:
        make: The kind of version.
        offering: Whose it is.
        content: Checked and settled.
        features: At least those that the content names, by id.
        now: When it is published.
    """
    named = {feature_id: features[feature_id] for feature_id in sorted(content.feature_ids)}
    return make(
        id=offering.id,
        version=offering.latest_version + 1,
        product_id=offering.product_id,
        display_name=offering.display_name,
        state=VersionState.PUBLISHED,
        content=named_content(content, {each.id: each.spec for each in named.values()}, offering.display_name),
        features=tuple(named.values()),
        publish_time=now,
    )


def publish(offering: O, version: OfferingVersion[Any], now: datetime, *, revision: int) -> O:
    """The offering whose newest version is this one, without a draft."""
    return replace(offering, latest_version=version.version, has_draft=False, revision=revision, update_time=now)
