"""The rules behind the checks of a folder: one function per rule, named like its check.

Rules look at counts only. Each finding's ``anchor`` is its section in docs/runbook.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from checkout_assets.domain.accounting import CopyAccount, broken_equations, told_of_structured
from checkout_assets.domain.copying import CopyFacts
from checkout_assets.domain.counting import counted, in_number, part_of
from checkout_assets.domain.displayable import displayable
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.contract.words import UNNAMED, ObjectKind, Status

_MOST_FIELDS_TOLD = 10


class Severity(StrEnum):
    """An error means that something is not done; a warning, that all is done but unusual."""

    ERROR = "error"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's result for one folder; ``count`` is the number of things a warning is about."""

    rule: str
    passed: bool
    severity: Severity
    summary: str
    counts: dict[str, int] = field(default_factory=dict)
    count: int = 0

    @property
    def anchor(self) -> str:
        """The section of docs/runbook.md that says what to do."""
        return self.rule


F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Rule(Generic[F]):
    """A rule: a function whose name is the check's and whose docstring describes it."""

    judge: Callable[[F], Finding]

    @property
    def name(self) -> str:
        """The check's name."""
        return self.judge.__name__

    @property
    def description(self) -> str:
        """What the rule states, in one sentence."""
        return (self.judge.__doc__ or "").split("\n", 1)[0]


def every_object_copied(facts: CopyFacts) -> Finding:
    """Every object of the source up to the cut-off is in raw, and a re-listing of raw agreed."""
    problem = _not_copied(facts)
    all_are = "[The only object is|All # objects are] in raw and verified."
    return Finding(
        "every_object_copied",
        not problem,
        Severity.ERROR,
        problem or in_number(facts.listed, all_are),
        {
            "listed": facts.listed,
            "copied": facts.status(Status.COPIED),
            "present": facts.status(Status.PRESENT),
            "failed": facts.status(Status.FAILED),
            "vanished": facts.status(Status.VANISHED),
            "newer": facts.newer,
            "missing_on_source": facts.missing_on_source,
        },
    )


def _not_copied(facts: CopyFacts) -> str:
    """Why the copy is not complete; empty if it is."""
    if not facts.listed:
        return "Nothing was found to copy, which is never a success."
    left = facts.listed - facts.in_raw
    broken = broken_equations(CopyAccount.of(facts))
    if left > 0 or facts.unverified:
        missing = part_of(left, facts.listed, "object", " [is|are] not in raw; ")
        return missing + in_number(facts.unverified, "# did not verify.")
    if broken:
        return " ".join(broken)
    if not facts.kind(ObjectKind.DOCUMENT):
        none_is = "Of # object[|s] none is a document, which is never a success."
        return in_number(facts.listed, none_is)
    return ""


def no_documents_nested_under_id(facts: CopyFacts) -> Finding:
    """No object lies deeper below ``id/`` than the order documents do."""
    nested = facts.kind(ObjectKind.NESTED)
    return _none_expected(
        "no_documents_nested_under_id",
        nested,
        {"nested": nested},
        in_number(
            nested,
            "# object[|s] [lies|lie] nested under id/; [it is|they are] copied and [goes|go] to "
            "quarantine.",
        ),
        "No object is nested under id/.",
    )


def names_are_safe(facts: CopyFacts) -> Finding:
    """Every object's name is clean for every reader, so that none had to be escaped."""
    return _none_expected(
        "names_are_safe",
        facts.escaped,
        {"escaped": facts.escaped},
        in_number(
            facts.escaped,
            "# name[|s] [was|were] escaped on [its|their] way to raw; the manifest names both "
            "forms.",
        ),
        "Every name is kept as it is.",
    )


def no_near_miss_names(facts: CopyFacts) -> Finding:
    """No side object looks like a misplaced document: ``id`` in another place or case."""
    return _none_expected(
        "no_near_miss_names",
        facts.near_misses,
        {"near_misses": facts.near_misses},
        in_number(
            facts.near_misses,
            "# side object[|s] [has|have] id in another place or case; [it is|they are] copied, "
            "not structured.",
        ),
        "No side object looks like a document.",
    )


def every_document_accounted_for(totals: StructureTotals) -> Finding:
    """Every document of the folder became one row or one quarantined document."""
    broken = broken_equations(structured=totals)
    if not totals.documents:
        summary = "No document was found to structure, which is never a success."
    elif broken:
        summary = " ".join(broken)
    else:
        summary = told_of_structured(totals)
    return Finding(
        "every_document_accounted_for",
        bool(totals.documents) and not broken,
        Severity.ERROR,
        summary,
        {
            "documents": totals.documents,
            "rows": totals.rows,
            "quarantined": totals.quarantined_documents,
            "nested": totals.nested,
            "side": totals.side,
        },
    )


def no_source_key_twice(totals: StructureTotals) -> Finding:
    """Each source key of the folder stands once in its table or in its quarantine."""
    keys, rows = totals.source_keys, totals.table_rows + totals.quarantine_rows
    told = in_number(rows, "# row[|s] of table and quarantine [has|have] ")
    told += in_number(keys, "[the one source key|# different source keys].")
    if not keys:
        told = (
            "The source keys were not counted, because an earlier version structured the folder. "
            "Structure it again to count them."
        )
    counts = {"source_keys": keys, "rows": rows}
    return Finding("no_source_key_twice", not keys or keys == rows, Severity.ERROR, told, counts)


def no_documents_quarantined(totals: StructureTotals) -> Finding:
    """Every document is an order: readable, with an id and a date."""
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(totals.quarantined.items()) if n)
    return _none_expected(
        "no_documents_quarantined",
        totals.quarantined_documents,
        {reason: n for reason, n in sorted(totals.quarantined.items()) if n},
        in_number(
            totals.quarantined_documents,
            "# document[|s] [is|are] in quarantine with [its|their] bytes: ",
        )
        + f"{reasons}.",
        "No document is in quarantine.",
    )


@dataclass(frozen=True, slots=True)
class Allowance:
    """The acceptable amount: a ``share`` from 0 to 1, and any count below ``least``."""

    share: float
    least: int

    def exceeded(self, count: int, total: int) -> bool:
        """Whether ``count`` of ``total`` is too much."""
        return count >= self.least and count > self.share * total

    def told(self, exceeded: bool, whole: str) -> str:
        """The end of a sentence that says which share of the ``whole`` is acceptable."""
        more = "more" if exceeded else "not more"
        return f"{more} than acceptable ({self.share:.4g} of {whole}, and at least {self.least:,})."


@dataclass(frozen=True, slots=True)
class FolderAllowance:
    """How many of a folder's documents may be in quarantine, and of its rows have rescued values.

    More is an error of a check.
    """

    quarantine: Allowance = Allowance(0.05, 20)
    rescue: Allowance = Allowance(0.2, 20)

    def quarantine_share_acceptable(self, totals: StructureTotals) -> Finding:
        """The share of documents in quarantine is not above the configured one."""
        quarantined, documents = totals.quarantined_documents, totals.documents
        exceeded = self.quarantine.exceeded(quarantined, documents)
        told = part_of(quarantined, documents, "document", " [is|are] in quarantine, ")
        told += self.quarantine.told(exceeded, "a folder's documents")
        counts = {"documents": documents, "quarantined": quarantined}
        return Finding("quarantine_share_acceptable", not exceeded, Severity.ERROR, told, counts)

    def rescue_share_acceptable(self, totals: StructureTotals) -> Finding:
        """The share of rows with rescued values is not above the configured one."""
        # Both count the rows of vanished documents, which stay in the table.
        rescued, rows = totals.rescued_rows, totals.table_rows
        exceeded = self.rescue.exceeded(rescued, rows)
        told = part_of(rescued, rows, "row", " [has|have] values without a column, ")
        told += self.rescue.told(exceeded, "a folder's rows")
        counts = {"rows": rows, "rescued_rows": rescued}
        return Finding("rescue_share_acceptable", not exceeded, Severity.ERROR, told, counts)


def every_value_has_a_column(totals: StructureTotals) -> Finding:
    """Every value has a column that holds it without loss, so that none had to be rescued."""
    return _none_expected(
        "every_value_has_a_column",
        totals.rescued_values,
        {"rescued_values": totals.rescued_values, "rescued_rows": totals.rescued_rows},
        in_number(totals.rescued_values, "# value[|s] of ")
        + in_number(totals.rescued_rows, "# row[|s] without a column for it, kept in _rescued."),
        "Every value has a column.",
    )


def no_unknown_fields(totals: StructureTotals) -> Finding:
    """No document has a field that the schema does not know.

    Fields are named if that shows nothing of a person, see ``unknown_fields`` of the totals.
    """
    named = {path: n for path, n in totals.unknown_fields.items() if path != UNNAMED}
    others = totals.unknown_fields.get(UNNAMED, 0)
    most = sorted(named, key=lambda path: (-named[path], path))[:_MOST_FIELDS_TOLD]
    told = ", ".join(f"{displayable(path)} in {counted(named[path], 'document')}" for path in most)
    more = f" and {len(named) - len(most):,} more" if len(named) > len(most) else ""
    fields = in_number(len(named), "# field[|s] [is|are] not in the schema: ") + f"{told}{more}."
    unnamed = in_number(
        others, "# value[|s] [has|have] a field name that is not in the schema and is not shown."
    )
    return _none_expected(
        "no_unknown_fields",
        sum(totals.unknown_fields.values()),
        {"unknown_fields": len(named), "values_of_fields_not_shown": others},
        " ".join([*([fields] if named else []), *([unnamed] if others else [])]),
        "Every field of the documents is in the schema.",
    )


def no_card_numbers_outside_payments(totals: StructureTotals) -> Finding:
    """No text outside payments holds a number that could be a card's."""
    count = sum(totals.card_numbers.values())
    columns = ", ".join(f"{name} {n:,}" for name, n in sorted(totals.card_numbers.items()))
    return _none_expected(
        "no_card_numbers_outside_payments",
        count,
        dict(sorted(totals.card_numbers.items())),
        in_number(count, "# number[|s] that could be a card's [is|are] in the tables: ")
        + f"{columns}.",
        "No number outside payments could be a card number.",
    )


def dates_plausible(totals: StructureTotals) -> Finding:
    """No row lies in a day before 2000, or in one after the copy that it was read from."""
    early, late = (totals.implausible_dates.get(name, 0) for name in ("too_early", "too_late"))
    told = [
        in_number(early, "# row[|s] [is|are] dated before 2000.") if early else "",
        in_number(late, "# row[|s] [is|are] dated after [its|their] copy.") if late else "",
    ]
    return _none_expected(
        "dates_plausible",
        early + late,
        {"too_early": early, "too_late": late},
        " ".join(filter(None, told)),
        "Every row's day is one that an order can have.",
    )


def _none_expected(
    rule: str, count: int, counts: dict[str, int], found: str, clean: str
) -> Finding:
    return Finding(rule, not count, Severity.WARN, found if count else clean, counts, count)


RAW_RULES: tuple[Rule[CopyFacts], ...] = (
    Rule(every_object_copied),
    Rule(no_documents_nested_under_id),
    Rule(names_are_safe),
    Rule(no_near_miss_names),
)
"""The checks of ``raw_orders``."""


DEFAULT_ALLOWANCE = FolderAllowance()


def structured_rules(allowance: FolderAllowance) -> tuple[Rule[StructureTotals], ...]:
    """The checks of ``structured_orders``."""
    return (
        Rule(every_document_accounted_for),
        Rule(no_source_key_twice),
        Rule(no_documents_quarantined),
        Rule(allowance.quarantine_share_acceptable),
        Rule(every_value_has_a_column),
        Rule(no_unknown_fields),
        Rule(allowance.rescue_share_acceptable),
        Rule(no_card_numbers_outside_payments),
        Rule(dates_plausible),
    )


STRUCTURED_RULES = structured_rules(DEFAULT_ALLOWANCE)
"""The checks of ``structured_orders`` with the default allowance."""
