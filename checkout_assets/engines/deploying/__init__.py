"""The files of a Dagster deployment on a host of its own."""
