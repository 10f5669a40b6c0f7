"""Where things are, as Dagster shows it: always whole, whatever the settings abbreviate."""

import os
from pathlib import Path

_SCHEME = "://"


def absolute_uri(place: str, key: str = "") -> str:
    """The URI of a place, or of a key in it; a directory's is a file URI.

    Empty for a place that is not configured, so that nothing relative is shown for whole.
    """
    if not place:
        return ""
    root = place if _SCHEME in place else Path(os.path.abspath(os.path.expanduser(place))).as_uri()
    return f"{root.rstrip('/')}/{key}" if key else root
