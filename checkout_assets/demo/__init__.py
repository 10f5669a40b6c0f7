"""The demo: a complete migration of a sample source on this machine."""
