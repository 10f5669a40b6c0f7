"""What a reconciliation leaves for people: its outcome, what changed, and how to repair."""
