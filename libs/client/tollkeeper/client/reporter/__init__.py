"""Raw events, sent in batches in the background."""
