"""The files that a deployment of Dagster on a host of its own consists of."""
