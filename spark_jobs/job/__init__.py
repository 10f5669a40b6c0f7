"""Structure copied folders: read raw by exact key, conform, write Parquet, publish exactly once."""
