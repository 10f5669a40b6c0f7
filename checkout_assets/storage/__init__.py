"""How Dagster's storages connect to their database and store events.

What is here is common to the demo and to deployments; the demo's SQLite storages are in ``demo``.
"""
