"""Copying folders from source to raw, and proving it."""
