"""Plain external tables in AWS Glue over the tables' Parquet files."""
