"""Adapters to the three neighbours: domain values in and out."""
