"""The engines, which do the work: each takes folders and yields the result of each."""
