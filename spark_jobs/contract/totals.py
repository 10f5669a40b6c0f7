"""What became of a folder's objects when it was structured."""

from __future__ import annotations

from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from typing import Any, Dict


@dataclass(frozen=True)
class StructureTotals:
    """What became of a folder's objects; documents = rows + the sum of ``quarantined``.

    Objects that vanished from the source stand outside these sums: ``vanished_rows`` and
    ``vanished_quarantined`` count what is kept of them. ``redacted`` counts dropped members by
    path, ``cleaned`` members that the cleanings removed by path; ``emptied`` empty texts that
    became null; ``total_bytes`` what was read; ``decoded`` documents that were not plain UTF-8, by
    form; ``nested_too_large`` those of ``nested`` that are above the limit; ``dated_by_creation``
    rows whose day is that of CreationDate, because LastChange has none; ``card_numbers`` what may
    be card numbers outside payments, by column; ``implausible_dates`` rows in days of the tables
    that no order can have, vanished rows among them, by ``too_early`` and ``too_late``;
    ``unknown_fields`` documents by the path of a field that the schema does not know, those of
    names that are not shown together as ``?``.
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

    @property
    def quarantined_documents(self) -> int:
        """Documents that became no row; nested objects are not among them."""
        return sum(self.quarantined.values())

    @property
    def all_quarantined(self) -> bool:
        """Whether there are documents and not one of them is a row, which is never a success."""
        return self.documents > 0 and not self.rows

    def plus(self, other: StructureTotals) -> StructureTotals:
        """Both together."""
        return StructureTotals(
            **{
                each.name: _sum(getattr(self, each.name), getattr(other, each.name))
                for each in fields_of(self)
            }
        )


def _sum(one: Any, other: Any) -> Any:
    """Two counts together, or two sets of counts name by name."""
    if isinstance(one, dict):
        return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}
    return one + other
