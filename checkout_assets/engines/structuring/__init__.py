"""Structuring copied folders with Spark."""
