"""Billing's servicers: convert, call, convert."""
