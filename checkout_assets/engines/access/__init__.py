"""Granting and revoking access to the source, and telling how it stands."""
