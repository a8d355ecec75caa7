"""The servicer of entitlements: convert, call, convert."""
