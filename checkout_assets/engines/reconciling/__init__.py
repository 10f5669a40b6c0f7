"""Comparing source, raw and lake."""
