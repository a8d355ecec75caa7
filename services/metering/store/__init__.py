"""Metering's tables, and one store per aggregate."""
