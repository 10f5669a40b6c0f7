"""Compare source, raw and lake."""
