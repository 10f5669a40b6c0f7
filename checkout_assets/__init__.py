"""Migrate years of order history from S3 to Parquet tables, folder by folder."""
