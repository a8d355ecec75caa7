"""What each customer may do: decisions from a local projection."""
