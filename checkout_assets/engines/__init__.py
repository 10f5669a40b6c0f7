"""What does the work: each engine takes folders and yields how each one ended."""
