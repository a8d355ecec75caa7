"""Checks in the caller's own process, fed by the stream of `WatchEntitlements`."""
