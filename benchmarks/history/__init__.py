"""Years of daily reconciliations in Dagster's storage: ``make bench-history``."""
