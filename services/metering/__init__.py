"""What customers use: raw events, measurements, trackers and windows."""
