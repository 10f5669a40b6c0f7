"""Structure copied folders with Spark."""
