"""Metering's settings."""

from typing import Annotated

from pydantic import Field

from kit.settings import Address, ServiceSettings


class MeteringSettings(ServiceSettings):
    """What every service needs, and whom metering asks."""

    catalog_address: Annotated[
        Address, Field(description="The catalog, for features not known here yet: 127.0.0.1:7401")
    ]
    billing_address: Annotated[
        Address, Field(description="Billing, for customers and test clocks not known here yet: 127.0.0.1:7404")
    ]
    event_retention_days: Annotated[
        int | None,
        Field(ge=1, le=36_500, description="Raw events older than this are let go, 1–36,500 days; unset: never"),
    ] = None
