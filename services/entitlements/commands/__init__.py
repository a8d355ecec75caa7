"""What entitlements does, one use case a file."""
