"""Add-ons in the store."""

from typing import Final

from catalog.domain.add_on import AddOn, AddOnVersion
from catalog.messages.add_on import (
    add_on_content_from_proto,
    add_on_content_to_proto,
    add_on_version_from_proto,
    add_on_version_to_proto,
)
from catalog.store import tables
from catalog.store.body import Body
from catalog.store.offerings import Offerings
from tollkeeper.catalog.v1 import add_on_pb2

ADD_ONS: Final = Offerings(
    AddOn,
    AddOnVersion,
    table=tables.add_on,
    drafts=tables.add_on_draft,
    versions=tables.add_on_version,
    content=Body(add_on_pb2.AddOnContent, add_on_content_to_proto, add_on_content_from_proto),
    version=Body(add_on_pb2.AddOnVersion, add_on_version_to_proto, add_on_version_from_proto),
)
