"""The running service for laws of the whole: the same as in the integration tests."""

from tests.integration.metering.conftest import metering, metering_settings, neighbours

__all__ = ["metering", "metering_settings", "neighbours"]
