"""Invented orders for the tests of conforming, and their rows as plain values."""

import json
from typing import Any

from spark_jobs.conforming import Conformer, Rejected, Row

CONFORMERS = {table: Conformer(table) for table in ("checkout", "fulfillment")}
DATED = {"Id": "v100-01", "LastChange": "2018-10-31T14:00:00.1234567Z"}


def conform(body: bytes | str, table: str = "checkout") -> Row | Rejected:
    return CONFORMERS[table].conform(body.encode() if isinstance(body, str) else body)


def order(**fields: Any) -> str:
    """An order as text; objects and lists become JSON text, as at the source."""
    texts = {
        name: json.dumps(value) if isinstance(value, (dict, list)) else value
        for name, value in fields.items()
    }
    return json.dumps({**DATED, **texts})


def row_of(body: bytes | str, table: str = "checkout") -> dict[str, Any]:
    """The row's columns; fails if the document is rejected."""
    row = accepted(body, table)
    values: dict[str, Any] = json.loads(row.line)
    return values


def accepted(body: bytes | str, table: str = "checkout") -> Row:
    row = conform(body, table)
    assert isinstance(row, Row), row
    return row


def rescued(body: bytes | str, table: str = "checkout") -> dict[str, str]:
    """What was rescued, by path; fails if a path is there twice."""
    items = row_of(body, table).get("_rescued", [])
    by_path = {item["path"]: item["value"] for item in items}
    assert len(by_path) == len(items)
    return by_path


def rejected(body: bytes | str, table: str = "checkout") -> Rejected:
    result = conform(body, table)
    assert isinstance(result, Rejected), result
    return result
