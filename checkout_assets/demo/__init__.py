"""The whole migration of a sample source on this machine, told as a story."""
