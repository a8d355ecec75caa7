"""Billing's settings."""

from typing import Annotated

from pydantic import Field

from billing.collection_settings import CollectionSettings
from kit.settings import Address


class BillingSettings(CollectionSettings):
    """What every service needs, whom billing asks, and how it collects."""

    catalog_address: Annotated[Address, Field(description="Where the catalog listens: 127.0.0.1:7401")]
    metering_address: Annotated[Address, Field(description="Where metering listens: 127.0.0.1:7402")]
    seller: Annotated[
        str,
        Field(
            max_length=500,
            description="Who sends the invoices, name and address, its lines separated by |: Acme Inc. | 1 Main Street",
        ),
    ] = ""
    renewal_poll_seconds: Annotated[
        int, Field(ge=1, le=3_600, description="How often due renewals are looked for, 1–3600")
    ] = 1
    recovery_poll_seconds: Annotated[
        int,
        Field(ge=1, le=3_600, description="How often trackers and test clocks left unfinished are looked for, 1–3600"),
    ] = 2
