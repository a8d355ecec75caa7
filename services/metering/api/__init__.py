"""Metering's servicers: convert, call, convert."""
