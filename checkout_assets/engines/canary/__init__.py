"""The canary of ``doctor``: a few objects through the whole chain, and everything removed."""
