"""Structuring copied folders on EMR: a cluster a run, a step a folder."""
