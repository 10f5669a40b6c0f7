"""How much is read of one object."""

LARGEST_BODY_BYTES = 1024 * 1024 * 1024
"""The limit unless a setting lowers it: a value in Arrow or Parquet must be smaller than 2 GiB."""

KEPT_BYTES = 1024 * 1024
"""How many of the first bytes of an object above the limit go to quarantine; raw holds all."""
