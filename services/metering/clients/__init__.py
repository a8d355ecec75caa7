"""Other services as metering sees them: domain values in and out."""
