"""What a reconciliation leaves for people: outcome, changes, remedies, and which reports stay."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from checkout_assets.domain.anomalies import no_documents_nested_under_id
from checkout_assets.domain.copying import CopyFacts
from checkout_assets.domain.folders import ALL_FOLDERS, Folder, select_folders, words_for
from checkout_assets.domain.reconciliation import (
    CopyEvidence,
    FolderReason,
    FolderReconciled,
    Reason,
    State,
    Summary,
)
from checkout_assets.domain.reporting.changes import changes
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome, outcome_of
from checkout_assets.domain.reporting.repairing import Remedy, repairs
from checkout_assets.domain.reporting.retention import instant_of_stamp, stamp_of, superfluous
from spark_jobs.contract.record_format import RecordError, read_record, write_record
from spark_jobs.contract.words import ObjectKind

NOW = datetime(2026, 11, 27, 5, tzinfo=UTC)
NESTED = no_documents_nested_under_id(CopyFacts(by_kind={ObjectKind.NESTED: 3}))
PLACES = {"source": "s3://orders/root", "raw": "s3://import/my raw", "lake": "/tmp/lake"}


def folder(name: str, *reasons: Reason, listed: int | None = 4) -> FolderReconciled:
    causes = tuple(FolderReason(reason, 2) for reason in reasons)
    return FolderReconciled(Folder.parse(name), causes, copy=CopyEvidence(listed=listed))


def flagged(name: str) -> FolderReconciled:
    cause = FolderReason(Reason.FLAGGED, 1, NESTED.rule)
    return FolderReconciled(Folder.parse(name), (cause,), (NESTED.rule,), findings=(NESTED,))


def outcome(*folders: FolderReconciled, unexpected: Iterable[str] = ()) -> ReconciliationOutcome:
    return outcome_of(
        folders, Summary.of(folders), unexpected, at=NOW, run_id="run", with_source=True
    )


def test_a_flagged_folder_has_the_sentence_and_the_count_of_its_check() -> None:
    (told,) = outcome(flagged("86_FulfillmentOrder"), folder("00_CheckoutOrder")).folders
    assert (told.folder, told.state, told.count) == ("86_FulfillmentOrder", "yellow", 3)
    assert told.sentence == (
        "3 objects lie nested under id/; they are copied and go to quarantine."
    )
    assert [line.name for line in told.lines] == ["no_documents_nested_under_id"]


def test_red_folders_come_first_and_then_what_few_folders_share() -> None:
    found = outcome(
        folder("00_CheckoutOrder", Reason.NEWER_OBJECTS),
        folder("01_CheckoutOrder", Reason.NEWER_OBJECTS),
        flagged("86_FulfillmentOrder"),
        folder("FF_FulfillmentOrder", Reason.NEWER_OBJECTS, Reason.NOT_STRUCTURED),
    )
    assert [each.folder[:2] for each in found.folders] == ["FF", "86", "00", "01"]
    assert [line.state for line in found.folders[0].lines] == ["red", "yellow"]
    assert (found.red, found.yellow, found.is_complete) == (1, 3, False)


def test_a_loose_object_is_masked_and_a_folder_is_not() -> None:
    found = outcome(unexpected=["0a_CheckoutOrder/", "jane doe.json", "a\u202eb/"])
    assert found.unexpected[0] == "0a_CheckoutOrder/"
    assert "jane" not in found.unexpected[1]
    assert found.unexpected[1].startswith("[object ")
    assert found.unexpected[2] == "a\\u{202E}b/"


def test_an_outcome_is_kept_and_read_back_as_it_was() -> None:
    made = outcome(folder("00_CheckoutOrder", Reason.NOT_COPIED), flagged("86_FulfillmentOrder"))
    assert read_record(ReconciliationOutcome, write_record(made)) == made


@pytest.mark.parametrize("wrong", [b'"state": "purple"', b'"state": 3'])
def test_a_record_of_another_shape_is_refused(wrong: bytes) -> None:
    data = write_record(outcome(folder("00_CheckoutOrder", Reason.NOT_COPIED)))
    with pytest.raises(RecordError):
        read_record(ReconciliationOutcome, data.replace(b'"state": "red"', wrong))


def test_changes_name_what_became_worse_first_and_ignore_counts() -> None:
    before = outcome(
        folder("00_CheckoutOrder", Reason.NOT_COPIED),
        flagged("86_FulfillmentOrder"),
        FolderReconciled(
            Folder.parse("87_CheckoutOrder"), (FolderReason(Reason.NEWER_OBJECTS, 1),)
        ),
    )
    after = outcome(
        folder("00_CheckoutOrder"),
        folder("86_FulfillmentOrder", Reason.OBJECTS_MISSING),
        folder("87_CheckoutOrder", Reason.NEWER_OBJECTS),
    )
    worse, better = changes(before, after)
    assert (worse.folder, worse.before, worse.now) == ("86_FulfillmentOrder", "yellow", "red")
    assert worse.sentence == "Objects of the source missing in raw: 2."
    assert (better.folder, better.before, better.now) == ("00_CheckoutOrder", "red", "green")
    assert not better.is_worse
    assert changes(after, after) == []


@pytest.mark.parametrize(
    ("reasons", "remedy"),
    [
        ([Reason.OBJECTS_MISSING, Reason.STRUCTURED_FROM_OLDER_COPY], Remedy.COPY),
        ([Reason.FOLDER_MISSING, Reason.NOT_COPIED, Reason.NOT_STRUCTURED], Remedy.COPY),
        ([Reason.NOT_STRUCTURED], Remedy.STRUCTURE),
        ([Reason.SOURCE_IS_EMPTY, Reason.NOT_COPIED], Remedy.LOOK),
        ([Reason.NOT_COMPARED], Remedy.LOOK),
    ],
)
def test_a_red_folder_has_the_remedy_that_its_reasons_need(
    reasons: list[Reason], remedy: Remedy
) -> None:
    (found,) = repairs(outcome(folder("0A_CheckoutOrder", *reasons)).folders, PLACES)
    assert found.remedy is remedy
    assert bool(found.commands) is bool(found.launchpad) is (remedy is not Remedy.LOOK)


def test_every_reason_that_makes_a_folder_red_has_a_remedy_and_no_other_has() -> None:
    for reason in Reason:
        found = repairs(outcome(folder("0A_CheckoutOrder", reason)).folders, PLACES)
        assert bool(found) is (reason.state is State.RED), reason


def test_the_commands_name_the_places_and_the_folders_ready_to_paste() -> None:
    names = ["00_CheckoutOrder", "01_CheckoutOrder", "E9_FulfillmentOrder"]
    found = outcome(*(folder(name, Reason.NOT_COPIED) for name in names))
    (repair,) = repairs(found.folders, PLACES)
    words = "00_CheckoutOrder..01_CheckoutOrder E9_FulfillmentOrder"
    assert repair.commands == (
        f"checkout-assets copy --source s3://orders/root --raw 's3://import/my raw' {words}",
        f"checkout-assets structure --raw 's3://import/my raw' --lake /tmp/lake {words}",
    )
    assert repair.launchpad == (
        "folders: [00_CheckoutOrder..01_CheckoutOrder, E9_FulfillmentOrder]"
    )


def test_the_fewest_words_mean_exactly_these_folders() -> None:
    for chosen in (ALL_FOLDERS, ALL_FOLDERS[250:260], ALL_FOLDERS[::3], ALL_FOLDERS[7:8]):
        words = words_for(reversed(chosen))
        assert select_folders(words) == chosen
    assert words_for(ALL_FOLDERS) == ("00_CheckoutOrder..FF_FulfillmentOrder",)


def test_the_last_report_of_each_day_stays_for_90_days_and_the_newest_20_always() -> None:
    hourly = [stamp_of(NOW - timedelta(hours=hours)) for hours in range(24 * 100)]
    gone = superfluous([*hourly, "notes", "2026-13-01T00-00-00Z"], NOW)
    kept = sorted(set(hourly) - gone)
    assert kept[-20:] == sorted(hourly[:20])
    assert len(kept) <= 90 + 20
    assert kept[0] >= stamp_of(NOW - timedelta(days=90))
    assert all(stamp.endswith("23-00-00Z") for stamp in kept[:-20])
    assert not {"notes", "2026-13-01T00-00-00Z"} & gone


def test_old_reports_stay_while_there_are_no_others() -> None:
    yearly = [stamp_of(NOW - timedelta(days=365 * years)) for years in range(5)]
    assert superfluous(yearly, NOW) == set()


def test_a_report_is_known_by_its_instant() -> None:
    assert stamp_of(NOW) == "2026-11-27T05-00-00Z"
    assert instant_of_stamp("2026-11-27T05-00-00Z") == NOW
    assert instant_of_stamp("2026-11-27") is None
