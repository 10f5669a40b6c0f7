"""Every rule, on a clean folder and on the one it is about."""

from dataclasses import replace

import pytest

from checkout_assets.domain.anomalies import (
    RAW_RULES,
    STRUCTURED_RULES,
    Allowance,
    FolderAllowance,
    Severity,
    no_unknown_fields,
)
from checkout_assets.domain.copying import CopyFacts
from checkout_assets_tests.grammar import faults
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.contract.words import UNNAMED

CLEAN = CopyFacts(listed=3, by_status={"copied": 2, "present": 1}, by_kind={"document": 3})
STRUCTURED = StructureTotals(documents=3, rows=3)


def raw_flags(facts: CopyFacts) -> set[str]:
    findings = [rule.judge(facts) for rule in RAW_RULES]
    return {finding.rule for finding in findings if not finding.passed}


def structured_flags(totals: StructureTotals) -> set[str]:
    findings = [rule.judge(totals) for rule in STRUCTURED_RULES]
    return {finding.rule for finding in findings if not finding.passed}


def test_a_clean_folder_passes_every_rule() -> None:
    assert raw_flags(CLEAN) == set()
    assert structured_flags(STRUCTURED) == set()


@pytest.mark.parametrize(
    ("facts", "flag"),
    [
        (CopyFacts(), "every_object_copied"),
        (replace(CLEAN, by_status={"copied": 2, "failed": 1}), "every_object_copied"),
        (replace(CLEAN, listed=4), "every_object_copied"),
        (replace(CLEAN, unverified=1), "every_object_copied"),
        (replace(CLEAN, by_kind={"document": 2}), "every_object_copied"),
        (replace(CLEAN, by_kind={"side": 3}), "every_object_copied"),
        (replace(CLEAN, by_kind={"document": 2, "nested": 1}), "no_documents_nested_under_id"),
        (replace(CLEAN, escaped=1), "names_are_safe"),
        (replace(CLEAN, near_misses=1), "no_near_miss_names"),
    ],
)
def test_a_raw_rule_fails_for_what_it_is_about_and_no_other(facts: CopyFacts, flag: str) -> None:
    assert raw_flags(facts) == {flag}


@pytest.mark.parametrize(
    ("totals", "flag"),
    [
        (StructureTotals(), "every_document_accounted_for"),
        (StructureTotals(nested=1, side=2), "every_document_accounted_for"),
        (replace(STRUCTURED, rows=2), "every_document_accounted_for"),
        (replace(STRUCTURED, rows=2, quarantined={"no_id": 1}), "no_documents_quarantined"),
        (replace(STRUCTURED, rescued_rows=1, rescued_values=2), "every_value_has_a_column"),
        (
            replace(STRUCTURED, rows=0, quarantined={"not_utf8": 2, "too_large": 1}),
            "no_documents_quarantined",
        ),
        (replace(STRUCTURED, source_keys=2), "no_source_key_twice"),
        (replace(STRUCTURED, source_keys=4), "no_source_key_twice"),
        (replace(STRUCTURED, unknown_fields={"/gift": 20}), "no_unknown_fields"),
        (replace(STRUCTURED, unknown_fields={UNNAMED: 1}), "no_unknown_fields"),
        (replace(STRUCTURED, card_numbers={"customdata": 1}), "no_card_numbers_outside_payments"),
        (replace(STRUCTURED, implausible_dates={"too_early": 1}), "dates_plausible"),
        (replace(STRUCTURED, implausible_dates={"too_late": 1}), "dates_plausible"),
    ],
)
def test_a_structured_rule_fails_for_what_it_is_about_and_no_other(
    totals: StructureTotals, flag: str
) -> None:
    assert structured_flags(totals) == {flag}


@pytest.mark.parametrize(
    ("documents", "quarantined", "allowance", "passed"),
    [
        (100, 0, FolderAllowance(), True),
        (19, 19, FolderAllowance(), True),
        (20, 20, FolderAllowance(), False),
        (400, 20, FolderAllowance(), True),
        (399, 20, FolderAllowance(), False),
        (1_000_000, 50_000, FolderAllowance(), True),
        (1_000_000, 50_001, FolderAllowance(), False),
        (100, 1, FolderAllowance(quarantine=Allowance(0, 1)), False),
        (100, 100, FolderAllowance(quarantine=Allowance(1, 1)), True),
    ],
)
def test_a_share_in_quarantine_is_an_error_above_the_allowance_only(
    documents: int, quarantined: int, allowance: FolderAllowance, passed: bool
) -> None:
    half = quarantined // 2
    reasons = {"no_id": half, "not_json": quarantined - half}
    totals = StructureTotals(documents, rows=documents - quarantined, quarantined=reasons)
    found = allowance.quarantine_share_acceptable(totals)
    assert (found.passed, found.severity) == (passed, Severity.ERROR)
    assert found.counts == {"documents": documents, "quarantined": quarantined}


@pytest.mark.parametrize(
    ("rows", "rescued", "allowance", "passed"),
    [
        (19, 19, FolderAllowance(), True),
        (20, 20, FolderAllowance(), False),
        (100, 20, FolderAllowance(), True),
        (99, 20, FolderAllowance(), False),
        (1_000_000, 80_000, FolderAllowance(), True),
        (100, 1, FolderAllowance(rescue=Allowance(0, 1)), False),
        (100, 100, FolderAllowance(rescue=Allowance(1, 1)), True),
    ],
)
def test_a_share_of_rescued_rows_is_an_error_above_the_allowance_only(
    rows: int, rescued: int, allowance: FolderAllowance, passed: bool
) -> None:
    totals = StructureTotals(rows + 5, rows=rows, rescued_rows=rescued, rescued_values=9 * rescued)
    found = allowance.rescue_share_acceptable(totals)
    assert (found.passed, found.severity) == (passed, Severity.ERROR)
    assert found.counts == {"rows": rows, "rescued_rows": rescued}


def test_vanished_and_nested_objects_are_no_part_of_the_share() -> None:
    totals = replace(STRUCTURED, nested=500, nested_too_large=50, vanished_quarantined=500)
    assert FolderAllowance().quarantine_share_acceptable(totals).passed


def test_rows_of_vanished_documents_are_a_part_of_the_rows_that_are_rescued() -> None:
    totals = StructureTotals(50, rows=50, vanished_rows=50, rescued_rows=20, rescued_values=20)
    found = FolderAllowance().rescue_share_acceptable(totals)
    assert found.passed
    assert found.counts == {"rows": 100, "rescued_rows": 20}


def test_newer_and_vanished_objects_fail_no_rule() -> None:
    status = {**CLEAN.by_status, "vanished": 4}
    assert raw_flags(replace(CLEAN, by_status=status, newer=2, missing_on_source=1)) == set()


def test_a_rule_is_named_by_its_function_and_only_incompleteness_is_an_error() -> None:
    found = [rule.judge(CLEAN) for rule in RAW_RULES]
    found += [rule.judge(STRUCTURED) for rule in STRUCTURED_RULES]

    names = [rule.name for rule in RAW_RULES] + [rule.name for rule in STRUCTURED_RULES]
    assert [finding.rule for finding in found] == names
    assert {finding.rule for finding in found if finding.severity is Severity.ERROR} == {
        "every_object_copied",
        "every_document_accounted_for",
        "no_source_key_twice",
        "quarantine_share_acceptable",
        "rescue_share_acceptable",
    }


def test_every_rule_describes_itself_in_one_sentence() -> None:
    told = [rule.description for rule in RAW_RULES] + [r.description for r in STRUCTURED_RULES]
    assert all(sentence.endswith(".") for sentence in told)


def test_a_finding_counts_and_says_what_it_saw() -> None:
    facts = replace(CLEAN, by_kind={"document": 1, "nested": 2})

    (finding,) = [rule.judge(facts) for rule in RAW_RULES if "nested" in rule.name]

    assert finding.counts == {"nested": 2}
    assert finding.summary.startswith("2 objects lie nested under id/")
    assert finding.anchor == "no_documents_nested_under_id"


def facts_about(n: int) -> list[CopyFacts]:
    """Facts that make each rule of raw say each of its sentences of a count."""
    clean = CopyFacts(listed=n, by_status={"copied": n}, by_kind={"document": n})
    return [
        clean,
        replace(clean, by_kind={"side": n}),
        replace(clean, by_status={"failed": n}, by_kind={}),
        replace(clean, by_status={"copied": 2 * n}),
        replace(clean, by_kind={"document": 2 * n}),
        replace(clean, unverified=n),
        replace(clean, listed=2 * n),
        replace(clean, by_kind={"document": n, "nested": n, "side": n}),
        replace(clean, escaped=n, near_misses=n),
    ]


def totals_about(n: int) -> list[StructureTotals]:
    """The same for the rules of the tables."""
    clean = StructureTotals(documents=n, rows=n)
    return [
        clean,
        replace(clean, rows=0, quarantined={"no_id": n}),
        replace(clean, documents=2 * n, quarantined={"no_id": n}),
        replace(clean, documents=0, rows=0),
        replace(clean, source_keys=n),
        replace(clean, source_keys=2 * n),
        replace(clean, documents=5 * n),
        replace(clean, rescued_values=n, rescued_rows=n),
        replace(clean, rescued_values=2 * n, rescued_rows=n),
        replace(clean, card_numbers={"customdata": n}),
        replace(clean, unknown_fields={UNNAMED: n}),
        replace(clean, unknown_fields={f"/field{k}": n for k in range(n % 20)} | {UNNAMED: n}),
        replace(clean, implausible_dates={"too_early": n}),
        replace(clean, implausible_dates={"too_early": n, "too_late": n}),
    ]


@pytest.mark.parametrize("n", [1, 2, 1234])
def test_every_sentence_of_every_rule_fits_its_counts(n: int) -> None:
    told = [rule.judge(facts).summary for rule in RAW_RULES for facts in facts_about(n)]
    told += [rule.judge(totals).summary for rule in STRUCTURED_RULES for totals in totals_about(n)]
    all_of_it, none = Allowance(1, 1), Allowance(0, 1)
    for allowance in (FolderAllowance(all_of_it, all_of_it), FolderAllowance(none, none)):
        told += [allowance.quarantine_share_acceptable(t).summary for t in totals_about(n)]
        told += [allowance.rescue_share_acceptable(t).summary for t in totals_about(n)]

    assert {sentence: found for sentence in told if (found := faults(sentence))} == {}


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("1 object are missing", ["1 object are"]),
        ("1 of 1 documents are in quarantine", ["1 of 1 documents are"]),
        ("1 of 2 documents are in quarantine", ["1 of 2 documents are"]),
        ("2 object", ["2 object"]),
        ("1234 rows", ["1234"]),
        ("1 of 2 documents is in quarantine, 1,234 side objects are not", []),
    ],
)
def test_what_a_sentence_is_held_to(sentence: str, found: list[str]) -> None:
    assert faults(sentence) == found


def test_unknown_fields_are_told_the_most_frequent_first() -> None:
    fields = {f"/field{n}": 100 + n for n in range(12)}
    found = no_unknown_fields(replace(STRUCTURED, unknown_fields={**fields, UNNAMED: 3}))
    assert found.summary.startswith(
        "12 fields are not in the schema: /field11 in 111 documents, /field10 in 110 documents, "
    )
    assert " and 2 more. 3 values have a field name that is not in the schema" in found.summary
    assert found.counts == {"unknown_fields": 12, "values_of_fields_not_shown": 3}
    hostile = no_unknown_fields(replace(STRUCTURED, unknown_fields={"/a\u202eb": 20}))
    assert "\u202e" not in hostile.summary
