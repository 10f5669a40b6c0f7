"""Temporary access to the source: which policies it takes, and for how long it is needed."""
