"""Columns of manifest and quarantine files, which both sides read."""

from __future__ import annotations

from typing import Tuple

MANIFEST_COLUMNS: Tuple[Tuple[str, str], ...] = (
    ("folder", "string"),
    ("source_key", "string"),
    ("raw_key", "string"),
    ("kind", "string"),
    ("size", "int64"),
    ("source_etag", "string"),
    ("raw_etag", "string"),
    ("last_modified", "timestamp[us, UTC]"),
    ("storage_class", "string"),
    ("status", "string"),
    ("attempts", "int32"),
    ("error", "string"),
)
"""Columns of a manifest part and their Arrow types, in file order."""

QUARANTINE_COLUMNS: Tuple[Tuple[str, str], ...] = (
    ("source_key", "string"),
    ("raw_key", "string"),
    ("kind", "string"),
    ("reason", "string"),
    ("detail", "string"),
    ("size", "int64"),
    ("source_etag", "string"),
    ("body", "binary"),
)
"""Columns of a quarantine file and their Arrow types, in file order."""
