"""SQL over the analysts' tables, with DuckDB, in this process and read-only."""
