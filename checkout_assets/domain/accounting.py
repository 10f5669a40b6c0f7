"""The accounting identity: every object of a folder is counted in exactly one place.

listed = copied + present + failed; copied + present = documents + nested + side; documents = rows +
quarantined documents. Vanished objects are not part of these sums.
"""

from dataclasses import dataclass

from checkout_assets.domain.copying import CopyFacts
from checkout_assets.domain.counting import counted, in_number
from spark_jobs.contract.publication import PublicationRecord
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.contract.words import ObjectKind, Status


@dataclass(frozen=True, slots=True)
class CopyAccount:
    """Both sides of the copy's equations, in objects."""

    listed: int
    copied: int
    present: int
    failed: int
    documents: int
    nested: int
    side: int

    @classmethod
    def of(cls, facts: CopyFacts) -> "CopyAccount":
        """Build the account from a copy's counts."""
        return cls(
            listed=facts.listed,
            copied=facts.status(Status.COPIED),
            present=facts.status(Status.PRESENT),
            failed=facts.status(Status.FAILED),
            documents=facts.kind(ObjectKind.DOCUMENT),
            nested=facts.kind(ObjectKind.NESTED),
            side=facts.kind(ObjectKind.SIDE),
        )


def broken_equations(
    copy: CopyAccount | None = None, structured: StructureTotals | None = None
) -> list[str]:
    """Return a sentence per equation that does not hold; none if every object is accounted for.

    With both sides, structuring must have read what the copy left, kind by kind.
    """
    broken: list[str] = []
    if copy is not None:
        broken += _of_copy(copy)
    if structured is not None:
        broken += _of_structured(structured)
    if copy is not None and structured is not None:
        broken += _between(copy, structured)
    return broken


def broken_files(record: PublicationRecord) -> list[str]:
    """Return a sentence per sum of a publication's files that its totals do not explain."""
    totals = record.totals
    sums = (
        ("table", record.files, totals.table_rows),
        ("quarantine", record.quarantine, totals.quarantine_rows),
    )
    return [
        f"The {what} files hold {counted(held, 'row')}, but "
        + in_number(expected, "# [was|were] counted.")
        for what, files, expected in sums
        if (held := sum(file.rows for file in files)) != expected
    ]


def _of_copy(copy: CopyAccount) -> list[str]:
    broken = []
    if copy.listed != copy.copied + copy.present + copy.failed:
        broken.append(
            in_number(copy.listed, "# object[|s] [was|were] listed, but ")
            + f"{copy.copied:,} copied, {copy.present:,} present and {copy.failed:,} failed."
        )
    if copy.copied + copy.present != copy.documents + copy.nested + copy.side:
        broken.append(
            in_number(copy.copied + copy.present, "# object[|s] [is|are] in raw, but ")
            + f"{counted(copy.documents, 'document')}, {copy.nested:,} nested and "
            f"{counted(copy.side, 'side object')}."
        )
    return broken


def _of_structured(totals: StructureTotals) -> list[str]:
    if totals.documents == totals.rows + totals.quarantined_documents:
        return []
    return [told_of_structured(totals)]


def told_of_structured(totals: StructureTotals) -> str:
    """Build the sentence about the results of a folder's documents."""
    return (
        f"{counted(totals.documents, 'document')} became {counted(totals.rows, 'row')} and "
        f"{counted(totals.quarantined_documents, 'quarantined document')}."
    )


def _between(copy: CopyAccount, totals: StructureTotals) -> list[str]:
    pairs = (
        ("document", copy.documents, totals.documents),
        ("nested object", copy.nested, totals.nested),
        ("side object", copy.side, totals.side),
    )
    return [
        f"The copy counted {counted(copied, what)}, structuring {structured:,}."
        for what, copied, structured in pairs
        if copied != structured
    ]
