"""Where the analysts' tables are registered."""

NAMESPACE = "orders"
"""The database, or namespace, of the analysts' tables in every catalog."""

GLUE = "glue"
"""The setting of the catalog that means AWS Glue."""
