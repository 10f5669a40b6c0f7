"""The analysts' tables: Apache Iceberg tables by month, made from the published files."""
