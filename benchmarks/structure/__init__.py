"""Benchmarks of structuring."""
