"""Billing's settings."""

from typing import Annotated

from pydantic import Field

from kit.settings import Address, ServiceSettings


class BillingSettings(ServiceSettings):
    """What every service needs, and whom billing asks."""

    catalog_address: Annotated[Address, Field(description="Where the catalog listens: 127.0.0.1:7401")]
    metering_address: Annotated[Address, Field(description="Where metering listens: 127.0.0.1:7402")]
    renewal_poll_seconds: Annotated[
        int, Field(ge=1, le=3_600, description="How often due renewals are looked for, 1–3600")
    ] = 1
    recovery_poll_seconds: Annotated[
        int,
        Field(ge=1, le=3_600, description="How often trackers and test clocks left unfinished are looked for, 1–3600"),
    ] = 2
