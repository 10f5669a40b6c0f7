"""Measurements: ours beside what people would use instead. Never a timed unit test."""
