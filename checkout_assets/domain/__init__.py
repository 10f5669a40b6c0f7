"""The rules of a migration as pure functions: no AWS, no Spark, no Dagster, no I/O."""
