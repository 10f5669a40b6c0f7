"""Structuring, measured."""
