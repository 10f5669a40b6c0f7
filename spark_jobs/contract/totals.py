"""Counts of a folder's objects after structuring."""

from __future__ import annotations

from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from typing import Any, Dict


@dataclass(frozen=True)
class StructureTotals:
    """Counts of a folder's objects after structuring; documents = rows + sum of ``quarantined``.

    Objects that vanished from the source are not in these sums: ``vanished_rows`` and
    ``vanished_quarantined`` count what is kept of them. ``redacted`` counts the members that
    redaction dropped, ``cleaned`` those that the cleanings removed, both by path; ``emptied`` empty
    texts that became null; ``total_bytes`` the bytes read; ``decoded`` documents that were not
    plain UTF-8, by form; ``nested_too_large`` those of ``nested`` that exceed the limit;
    ``dated_by_creation`` rows whose day comes from CreationDate because LastChange has none;
    ``card_numbers`` possible card numbers outside payments, by column; ``implausible_dates`` rows
    with a day that no order can have, vanished rows included, by ``too_early`` and ``too_late``;
    ``unknown_fields`` documents by the path of a field that the schema does not have, where ``?``
    stands for all names that are not shown; ``source_keys`` the source keys that the manifest names
    of what is in tables and quarantine, each staged once, 0 in records of earlier versions, which
    did not count them.
    """

    documents: int = 0
    nested: int = 0
    side: int = 0
    rows: int = 0
    quarantined: Dict[str, int] = field(default_factory=dict)
    rescued_rows: int = 0
    rescued_values: int = 0
    redacted: Dict[str, int] = field(default_factory=dict)
    emptied: int = 0
    vanished_rows: int = 0
    vanished_quarantined: int = 0
    total_bytes: int = 0
    decoded: Dict[str, int] = field(default_factory=dict)
    nested_too_large: int = 0
    cleaned: Dict[str, int] = field(default_factory=dict)
    dated_by_creation: int = 0
    card_numbers: Dict[str, int] = field(default_factory=dict)
    implausible_dates: Dict[str, int] = field(default_factory=dict)
    unknown_fields: Dict[str, int] = field(default_factory=dict)
    source_keys: int = 0

    @property
    def table_rows(self) -> int:
        """Rows of the tables, those of vanished documents among them."""
        return self.rows + self.vanished_rows

    @property
    def quarantine_rows(self) -> int:
        """Rows of quarantine: documents, nested objects, and those of both that vanished."""
        return self.quarantined_documents + self.nested + self.vanished_quarantined

    @property
    def quarantined_documents(self) -> int:
        """Documents in quarantine; nested objects are not counted."""
        return sum(self.quarantined.values())

    @property
    def all_quarantined(self) -> bool:
        """Whether there are documents but no rows, which is never a success."""
        return self.documents > 0 and not self.rows

    def plus(self, other: StructureTotals) -> StructureTotals:
        """The sum of both."""
        return StructureTotals(
            **{
                each.name: _sum(getattr(self, each.name), getattr(other, each.name))
                for each in fields_of(self)
            }
        )


def _sum(one: Any, other: Any) -> Any:
    """The sum of two counts, or of two dicts of counts per key."""
    if isinstance(one, dict):
        return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}
    return one + other
