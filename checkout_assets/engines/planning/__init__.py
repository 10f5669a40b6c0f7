"""Planning a migration: the price table and the source's workload."""
