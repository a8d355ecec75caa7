"""Facts of other services that metering keeps a copy of."""
