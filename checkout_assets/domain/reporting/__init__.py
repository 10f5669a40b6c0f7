"""The content of a reconciliation's report: its outcome, what changed, and how to repair."""
