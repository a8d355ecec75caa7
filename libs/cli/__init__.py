"""The `tollkeeper` command, and the platform run on one machine behind it."""
