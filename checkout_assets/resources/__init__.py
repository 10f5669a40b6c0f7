"""Stores and engines as Dagster resources."""
