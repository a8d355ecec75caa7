"""Tollkeeper for Python applications."""
