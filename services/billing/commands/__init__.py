"""What can be done in billing, one use case a file: load, one domain call, store state and events in one transaction.

Locks are taken in one order everywhere: request id, test clock, customers by id, subscriptions by id, invoice numbers last.
"""
