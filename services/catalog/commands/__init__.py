"""What can be done to a catalog, one use case a file: load, one domain call, store state and events in one transaction."""
