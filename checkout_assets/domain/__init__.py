"""What a migration is, in pure standard library: no AWS, no Spark, no Dagster, no I/O."""
