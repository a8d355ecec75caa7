"""Billing's neighbours, asked by gRPC; never inside a transaction."""
