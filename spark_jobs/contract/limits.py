"""How much is read of one object."""

LARGEST_BODY_BYTES = 1024 * 1024 * 1024
"""The limit unless a setting lowers it; Arrow and Parquet hold no value of 2 GiB."""

KEPT_BYTES = 1024 * 1024
"""So many of the first bytes of an object above the limit are in quarantine; raw holds it all."""
