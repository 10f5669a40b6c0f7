"""What assets are configured with: stores and engines as Dagster resources."""
