"""Conform documents to the tables' schema without losing a value."""

from __future__ import annotations

from spark_jobs.conforming.conformer import Conformer, Rejected, Row
from spark_jobs.conforming.decoding import decode, is_encoded
from spark_jobs.conforming.lines import LineReader, table_from_lines, with_lineage

__all__ = [
    "Conformer",
    "LineReader",
    "Rejected",
    "Row",
    "decode",
    "is_encoded",
    "table_from_lines",
    "with_lineage",
]
