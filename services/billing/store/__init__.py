"""Billing's tables, and one store per aggregate."""
