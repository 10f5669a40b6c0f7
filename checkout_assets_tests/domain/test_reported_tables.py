"""The analysts' tables in a report: what is told of them, and the commands that repair them."""

import pytest

from checkout_assets.domain.compaction.comparing import MonthCompared, TableCompared
from checkout_assets.domain.compaction.contents import MonthState
from checkout_assets.domain.compaction.months import Month, select_months, words_for_months
from checkout_assets.domain.reconciliation import Summary
from checkout_assets.domain.reporting.analysts_tables import reported_table, table_repairs
from checkout_assets.domain.reporting.changes import table_changes
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome, outcome_of
from checkout_assets_tests.domain.test_reporting import NOW
from spark_jobs.contract.record_format import RecordError, read_record, write_record

UP_TO_DATE, STALE, MISSING = MonthState.UP_TO_DATE, MonthState.STALE, MonthState.MISSING
PLACES = {"lake": "s3://analytics/my lake", "catalog": "glue"}


def month(text: str, state: MonthState = UP_TO_DATE, held: int = 2) -> MonthCompared:
    """A month of two rows in three published files, and of ``held`` rows in one data file."""
    return MonthCompared(
        Month.parse(text),
        state,
        recorded=2,
        held=held,
        files_recorded=3,
        bytes_recorded=300,
        files_held=bool(held),
        bytes_held=40 * bool(held),
    )


def table(*months: MonthCompared, name: str = "checkout") -> TableCompared:
    return TableCompared(name, is_made=True, months=months)


def outcome(*tables: TableCompared) -> ReconciliationOutcome:
    return outcome_of([], Summary.of([]), [], tables=tables, at=NOW, run_id="run", with_source=True)


def test_a_table_is_told_with_its_months_rows_files_and_bytes() -> None:
    told = reported_table(
        table(
            month("2018-01"),
            month("2018-02", STALE),
            month("2018-06", MISSING, held=0),
            month("2018-07", held=1),
        )
    )
    assert (told.table, told.made, told.state) == ("checkout", True, "red")
    assert (told.months_up_to_date, told.months_without_rows) == (2, 3)
    assert (told.months_stale, told.months_missing) == (["2018-02"], ["2018-06"])
    assert told.months_wrong == ["2018-07"]
    assert (told.rows, told.rows_recorded) == (5, 8)
    assert (told.files_before, told.bytes_before, told.files, told.bytes) == (12, 1200, 3, 120)
    assert "2018-07 holds 1 row instead of 2." in told.text


def test_wrong_months_are_rewritten_by_name_and_then_the_due_ones_compacted() -> None:
    tables = [
        table(month("2018-01", held=1), month("2018-02", STALE)),
        table(month("2018-02", held=1), month("2019-01", MISSING, held=0), name="fulfillment"),
    ]
    again, due = table_repairs(list(map(reported_table, tables)), PLACES)
    command = "checkout-assets tables compact --lake 's3://analytics/my lake' --catalog glue"
    assert again.command == f"{command} --rewrite 2018-01..2018-02"
    assert again.config == "ops: {compact_months: {config: {rewrite: true}}}"
    assert (due.command, due.months, due.config) == (command, ("2018-02", "2019-01"), "")


def test_a_table_that_nobody_made_and_an_exact_one_need_no_repair() -> None:
    unmade = TableCompared("checkout")
    exact = table(month("2018-01"), name="fulfillment")
    assert table_repairs(list(map(reported_table, [unmade, exact])), PLACES) == []


def test_a_catalogs_credentials_are_not_repeated() -> None:
    places = {"lake": "/lake", "catalog": "https://user:secret@catalog"}
    (due,) = table_repairs([reported_table(table(month("2018-01", STALE)))], places)
    assert due.command == "checkout-assets tables compact --lake /lake"


def test_a_red_table_makes_the_outcome_a_failure_and_leaves_the_folders_as_they_are() -> None:
    assert [each.table for each in outcome(table(month("2018-01", held=1))).red_tables] == [
        "checkout"
    ]
    assert outcome(table(month("2018-01", STALE))).red_tables == []


def test_the_record_holds_the_tables_and_an_earlier_one_has_none() -> None:
    made = outcome(table(month("2018-01"), month("2018-02", STALE)))
    assert read_record(ReconciliationOutcome, write_record(made)) == made
    strange = write_record(made).replace(b'"2018-02"', b'"<script>"')
    with pytest.raises(RecordError, match="no month at analysts_tables"):
        read_record(ReconciliationOutcome, strange)


def test_a_table_that_changed_its_state_is_told() -> None:
    good, bad = outcome(table(month("2018-01"))), outcome(table(month("2018-01", held=1)))
    (change,) = table_changes(good, bad)
    assert (change.table, change.before, change.now) == ("checkout", "green", "red")
    assert table_changes(good, good) == []
    assert table_changes(outcome(), bad) == [], "the earlier one knew nothing of tables"


@pytest.mark.parametrize(
    "words", [(), ("2018-10",), ("2018-11..2019-02",), ("2017-12", "2018-02..2018-03", "2020-01")]
)
def test_months_are_named_with_the_fewest_words(words: tuple[str, ...]) -> None:
    assert words_for_months(reversed(select_months(words))) == words
