"""Invoices as documents for people: JSON, a page, and paper.

They are made from the contract's message and nothing else, so that a document says what an API client reads.
"""
