"""Absolute URIs for Dagster's metadata, whatever form the settings have."""

import os
from pathlib import Path

_SCHEME = "://"


def absolute_uri(place: str, key: str = "") -> str:
    """The absolute URI of a place, or of a key in it; for a directory, a file URI.

    Empty for a place that is not configured.
    """
    if not place:
        return ""
    root = place if _SCHEME in place else Path(os.path.abspath(os.path.expanduser(place))).as_uri()
    return f"{root.rstrip('/')}/{key}" if key else root
