"""What metering does, one use case a file."""
