"""Planning a migration: the price table, and what the source holds."""
