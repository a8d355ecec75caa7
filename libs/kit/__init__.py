"""Plumbing without business words: rpc, database, events, service life, settings, logs."""
