"""Benchmarks of this project and of the tools that people would use instead; not unit tests."""
