"""States, summary and heat map."""

import pytest

from checkout_assets.domain.anomalies import Allowance, FolderAllowance
from checkout_assets.domain.copying import CopyFacts
from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.domain.reconciliation import (
    CopyEvidence,
    FolderReason,
    FolderReconciled,
    LakeEvidence,
    Reason,
    State,
    Summary,
    heat_map,
    judge,
    not_compared,
)
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PUBLISHED, PublicationRecord
from spark_jobs.contract.totals import StructureTotals

FOLDER = Folder(OrderType.CHECKOUT, 10)


def reconciled(*reasons: Reason, folder: Folder = FOLDER) -> FolderReconciled:
    return FolderReconciled(folder, tuple(FolderReason(reason, 3) for reason in reasons))


def test_the_worst_cause_makes_the_state() -> None:
    assert reconciled().state is State.GREEN
    assert reconciled(Reason.NEWER_OBJECTS).state is State.YELLOW
    assert reconciled(Reason.NEWER_OBJECTS, Reason.NOT_COPIED).state is State.RED


def test_the_error_says_only_what_is_not_done() -> None:
    result = reconciled(Reason.OBJECTS_MISSING, Reason.NEWER_OBJECTS, Reason.NOT_STRUCTURED)
    assert result.error == (
        "0A_CheckoutOrder: objects of the source missing in raw: 3; it was not structured."
    )
    assert reconciled(Reason.NEWER_OBJECTS).error == ""


def test_nothing_known_is_red() -> None:
    assert judge(FOLDER, CopyEvidence(), LakeEvidence()).state is State.RED
    assert not_compared(FOLDER, "a store answered SlowDown").error == (
        "0A_CheckoutOrder: the folder could not be compared: a store answered SlowDown."
    )


def of_quarantine(totals: StructureTotals, **allowed: Allowance) -> dict[Reason, str]:
    record = PublicationRecord(
        folder=FOLDER.name,
        run_id="run",
        state=PUBLISHED,
        copy_id="copy",
        digest="d",
        schema_version="1",
        files=[],
        quarantine=[],
        previous=[],
        totals=totals,
    )
    allowance = FolderAllowance(**allowed)
    judged = judge(FOLDER, CopyEvidence(), LakeEvidence(record), allowance)
    return {cause.reason: cause.sentence for cause in judged.causes}


@pytest.mark.parametrize("documents", [1, 19, 20, 500])
def test_a_folder_whose_documents_are_all_in_quarantine_is_red(documents: int) -> None:
    totals = StructureTotals(documents, quarantined={"not_utf8": documents}, vanished_rows=3)
    causes = of_quarantine(totals, quarantine=Allowance(1, 1000))
    assert Reason.ALL_DOCUMENTS_QUARANTINED in causes
    assert Reason.QUARANTINE_SHARE_EXCEEDED not in causes


def test_a_share_of_quarantine_above_the_allowance_is_red() -> None:
    totals = StructureTotals(40, rows=20, quarantined={"no_id": 20})
    told = of_quarantine(totals)[Reason.QUARANTINE_SHARE_EXCEEDED]
    assert told.startswith("too many documents in quarantine: 20: 20 of 40 documents")
    for enough in (Allowance(0.5, 20), Allowance(0.05, 21)):
        assert Reason.QUARANTINE_SHARE_EXCEEDED not in of_quarantine(totals, quarantine=enough)


def test_a_share_of_rescued_rows_above_the_allowance_is_red() -> None:
    totals = StructureTotals(50, rows=40, quarantined={"no_id": 10}, rescued_rows=20)
    told = of_quarantine(totals)[Reason.RESCUE_SHARE_EXCEEDED]
    assert told.startswith("too many rows with rescued values: 20: 20 of 40 rows have values")
    for enough in (Allowance(0.5, 20), Allowance(0.2, 21)):
        assert Reason.RESCUE_SHARE_EXCEEDED not in of_quarantine(totals, rescue=enough)


def test_every_reason_has_a_sentence_and_a_place_in_the_runbook() -> None:
    for reason in Reason:
        assert FolderReason(reason, 1234).sentence
        assert "{" not in FolderReason(reason, 1234).sentence
        assert reason.code == reason.name.lower()
        assert reason.state in {State.YELLOW, State.RED}


def test_the_map_is_16_lines_of_16_squares_of_one_order_type() -> None:
    checkout, fulfillment = ALL_FOLDERS[:256], ALL_FOLDERS[256:]
    states = dict.fromkeys(checkout, State.GREEN)
    states[checkout[0]] = State.RED
    states[checkout[0x1F]] = State.YELLOW
    del states[checkout[0xFF]]
    states |= dict.fromkeys(fulfillment, State.RED)

    lines = heat_map(states, OrderType.CHECKOUT).split("\n")

    assert lines[0] == "🟥" + "🟩" * 15
    assert lines[1] == "🟩" * 15 + "🟨"
    assert lines[15] == "🟩" * 15 + "⬜"
    assert [len(line) for line in lines] == [16] * 16
    assert set(heat_map(states, OrderType.FULFILLMENT)) == {"🟥", "\n"}
    fenced = f"```\n{heat_map(states, OrderType.CHECKOUT)}\n```"
    assert len(fenced) <= 601, "longer text hides behind a button in the UI"


def test_the_summary_adds_up_by_records() -> None:
    totals = StructureTotals(
        documents=5, rows=3, quarantined={"no_id": 2}, nested=1, rescued_values=4, vanished_rows=1
    )
    record = PublicationRecord(
        "f", "r", "published", "c", "d", "1", files=[], quarantine=[], previous=[], totals=totals
    )
    facts = CopyFacts(by_status={"copied": 4, "present": 3}, total_bytes=100, escaped=2)
    full = FolderReconciled(ALL_FOLDERS[1], (), (), CopyEvidence(facts=facts), LakeEvidence(record))
    red = reconciled(Reason.NOT_COPIED, folder=ALL_FOLDERS[0])
    yellow = reconciled(Reason.FLAGGED, folder=ALL_FOLDERS[2])

    summary = Summary.of([yellow, full, red])

    assert (summary.asked, summary.complete) == (3, 2)
    assert (summary.red, summary.yellow) == ((red,), (yellow,))
    assert (summary.objects, summary.total_bytes, summary.escaped) == (7, 100, 2)
    assert (summary.rows, summary.quarantined) == (4, {"no_id": 2})
    assert (summary.nested, summary.rescued_values) == (1, 4)


@pytest.mark.parametrize(("version", "causes"), [("1", set()), ("0", {Reason.SCHEMA_OUTDATED})])
def test_rows_of_an_older_schema_are_flagged(version: str, causes: set[Reason]) -> None:
    record = PublicationRecord(
        FOLDER.name, "r", PUBLISHED, "c", "d", version, [], [], [], StructureTotals(1, rows=1)
    )
    lake = LakeEvidence(record, schema_version="1")
    found = {cause.reason for cause in judge(FOLDER, CopyEvidence(), lake).causes}
    assert found & {Reason.SCHEMA_OUTDATED} == causes
    assert Reason.SCHEMA_OUTDATED.state is State.YELLOW
