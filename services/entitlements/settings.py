"""The settings of entitlements."""

from typing import Annotated

from pydantic import Field

from kit.settings import Address, ServiceSettings


class EntitlementsSettings(ServiceSettings):
    """What every service needs, the three neighbours, and how much is held in memory."""

    catalog_address: Annotated[Address, Field(description="Where the catalog listens: 127.0.0.1:7401")]
    metering_address: Annotated[Address, Field(description="Where metering listens: 127.0.0.1:7402")]
    billing_address: Annotated[Address, Field(description="Where billing listens: 127.0.0.1:7404")]
    # A customer with five features takes about 10 KB: a gigabyte for the default.
    max_held_customers: Annotated[
        int, Field(ge=1, le=10_000_000, description="Customers kept in memory; the least recently used leave first")
    ] = 100_000
