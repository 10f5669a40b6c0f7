"""Raw knows its source and the lake its raw: another is refused until it is said to be meant."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from checkout_assets.cli.main import run
from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import select_folders
from checkout_assets.domain.reconciliation import Reason
from checkout_assets.engines.copying.cutoff import (
    AS_OF_KEY,
    KeptCutOff,
    Origin,
    find_cut_off,
    settle,
)
from checkout_assets.engines.copying.engine import CopyEngine, CopyOptions, FolderCopied
from checkout_assets.engines.ec2.user_data import worker_variables
from checkout_assets.engines.locations import S3Location
from checkout_assets.engines.reconciling.engine import Reconciler
from checkout_assets.engines.reconciling.places import reconciler_of
from checkout_assets.engines.structuring.origin import refuse_lake_of_other_raw
from checkout_assets.settings import Settings
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.publication import PUBLISHED, PublicationRecord
from spark_jobs.contract.record_format import write_record
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.job.run import structure_folders
from spark_jobs.job.staging import StructureJob
from spark_jobs.stores import ConflictError, Store

DOCUMENT = f"{FOLDER}/ACCOUNT/id/order-1"


@pytest.fixture
def other(place: OrdersPlace) -> S3Location:
    """Another source, whose document has the same key and other bytes."""
    found = replace(place.source, prefix="other/")
    place.put(DOCUMENT, b"of the first")
    place.put(DOCUMENT, b"of the other", found)
    return found


def copy_from(
    source: S3Location, place: OrdersPlace, replaces: str = "", run_id: str = "run"
) -> FolderCopied:
    options = CopyOptions(as_of=CutOff.NOW, replaces_source=replaces)
    engine = CopyEngine(source, place.raw, options)
    (copied,) = engine.run(select_folders([FOLDER]), run_id)
    return copied


def kept(place: OrdersPlace) -> KeptCutOff:
    found = find_cut_off(place.raw.open())
    assert found is not None
    return found


def contents(place: OrdersPlace) -> dict[str, bytes]:
    """All that raw holds."""
    keys = place.keys("")
    return {key: place.get(key)["bytes"] for key in keys}


def reasons(place: OrdersPlace, source: S3Location | None) -> set[Reason]:
    (result,) = Reconciler(source, place.raw, place.lake).run(select_folders([FOLDER]), "run")
    return {cause.reason for cause in result.causes}


def test_the_cut_off_and_the_record_name_the_source_and_raw(place: OrdersPlace) -> None:
    place.put(DOCUMENT)
    record = copy_from(place.source, place).record
    assert record is not None
    named = (place.source.uri, place.raw.uri)
    assert (record.source_uri, record.raw_uri) == named
    assert (kept(place).source_uri, kept(place).raw_uri) == named
    assert json.loads(place.get(AS_OF_KEY)["bytes"])["format_version"] == 1


def test_another_source_is_refused_and_nothing_is_changed(
    place: OrdersPlace, other: S3Location
) -> None:
    copy_from(place.source, place)
    before = contents(place)

    with pytest.raises(UsageError) as caught:
        copy_from(other, place, run_id="2")

    assert place.source.uri in str(caught.value)
    assert other.uri in str(caught.value)
    assert f"--replaces-source {place.source.uri} " in str(caught.value)
    assert contents(place) == before


@pytest.mark.parametrize("asked", [CutOff.KEPT, CutOff.NOW, datetime(2026, 1, 31, tzinfo=UTC)])
def test_no_cut_off_makes_up_for_another_source(place: OrdersPlace, asked: datetime) -> None:
    raw = place.raw.open()
    settle(raw, CutOff.KEPT, Origin("s3://a/x"))
    with pytest.raises(UsageError, match="was copied from s3://a/x, not from s3://a/x2:"):
        settle(raw, asked, Origin("s3://a/x2", replaces="s3://a/y"))


def test_a_source_that_is_said_to_be_replaced_is_and_that_is_recorded(
    place: OrdersPlace, other: S3Location
) -> None:
    copy_from(place.source, place, run_id="1")

    copied = copy_from(other, place, replaces=place.source.uri, run_id="2")

    assert copied.ok, copied.error
    assert place.get(DOCUMENT)["bytes"] == b"of the other"
    assert (kept(place).source_uri, kept(place).replaced_sources) == (
        other.uri,
        [place.source.uri],
    )
    assert copy_from(other, place, replaces=place.source.uri, run_id="3").ok, "it is left in place"
    with pytest.raises(UsageError, match="--replaces-source"):
        copy_from(place.source, place, run_id="4")
    assert copy_from(place.source, place, replaces=other.uri, run_id="5").ok
    assert kept(place).replaced_sources == [other.uri]


def test_a_run_id_of_another_source_completes_nothing_here(
    place: OrdersPlace, other: S3Location
) -> None:
    copy_from(place.source, place, run_id="same")
    copied = copy_from(other, place, replaces=place.source.uri, run_id="same")
    assert copied.facts.by_status == {"copied": 1}


def test_a_record_names_its_source_whatever_the_cut_off_says(
    place: OrdersPlace, other: S3Location
) -> None:
    copy_from(place.source, place)

    place.put(AS_OF_KEY, of(other.uri), place.raw)  # as versions before claimed raw

    copied = copy_from(other, place, run_id="2")

    assert f"{FOLDER} was copied from {place.source.uri}, not from {other.uri}" in copied.error
    assert place.get(DOCUMENT)["bytes"] == b"of the first"


@pytest.mark.parametrize("claimed", [True, False])
def test_what_a_record_says_is_replaced_can_be_replaced_without_a_cut_off(
    place: OrdersPlace, other: S3Location, claimed: bool
) -> None:
    """The advice that a refusal gives is enough, whether or not a cut-off names the new source."""
    copy_from(place.source, place)
    place.delete(AS_OF_KEY, place.raw)
    if claimed:
        place.put(AS_OF_KEY, of(other.uri), place.raw)

    copied = copy_from(other, place, replaces=place.source.uri, run_id="3")

    assert copied.ok, copied.error
    assert place.get(DOCUMENT)["bytes"] == b"of the other"
    assert kept(place).replaced_sources == [place.source.uri]


def test_raw_of_an_earlier_version_takes_the_source_of_the_next_copy(
    place: OrdersPlace, other: S3Location
) -> None:
    place.put(AS_OF_KEY, b'{"as_of": "2026-01-31T00:00:00+00:00"}', place.raw)
    raw = place.raw.open()
    first = settle(raw, CutOff.KEPT, Origin(place.source.uri))
    assert first.as_of == "2026-01-31T00:00:00+00:00"
    assert kept(place) == first
    with pytest.raises(UsageError):
        settle(raw, CutOff.KEPT, Origin(other.uri))


@pytest.mark.parametrize("record", [{"as_of": "2026-01-31T00:00:00"}, {"as_of": 5}, {}, []])
def test_a_cut_off_that_cannot_be_read_is_refused_or_replaced(
    place: OrdersPlace, record: object
) -> None:
    place.put(AS_OF_KEY, json.dumps(record).encode(), place.raw)
    raw, origin = place.raw.open(), Origin(place.source.uri)
    with pytest.raises(UsageError, match="holds no cut-off"):
        settle(raw, CutOff.KEPT, origin)
    assert settle(raw, CutOff.NOW, origin) == kept(place)


@pytest.mark.parametrize("asked", [CutOff.KEPT, CutOff.NOW])
def test_a_cut_off_of_a_later_version_is_never_replaced(place: OrdersPlace, asked: CutOff) -> None:
    later = b'{"as_of": "2026-01-31T00:00:00+00:00", "format_version": 2}'
    place.put(AS_OF_KEY, later, place.raw)
    with pytest.raises(UsageError, match=r"later version of checkout-assets .*Upgrade"):
        settle(place.raw.open(), asked, Origin(place.source.uri))
    assert place.get(AS_OF_KEY)["bytes"] == later


class Overtaken:
    """Another process writes just before each of the first writes."""

    def __init__(self, store: Store, *others: bytes) -> None:
        self._store = store
        self._others = list(others)
        self.uri = store.uri
        self.get, self.list, self.read_many = store.get, store.list, store.read_many

    def put(
        self, key: str, data: bytes, if_match: str | None = None, if_absent: bool = False
    ) -> str:
        if self._others:
            self._store.put(key, self._others.pop(0))
        return self._store.put(key, data, if_match, if_absent)


def of(source: str, as_of: str = "2026-01-31T00:00:00+00:00") -> bytes:
    return write_record(KeptCutOff(as_of, source))


@pytest.mark.parametrize("asked", [CutOff.KEPT, CutOff.NOW])
def test_of_two_sources_that_start_at_once_one_is_refused(
    place: OrdersPlace, asked: CutOff
) -> None:
    raw = Overtaken(place.raw.open(), of("s3://a/x"))
    with pytest.raises(UsageError, match="s3://a/x, not from s3://b/y"):
        settle(raw, asked, Origin("s3://b/y"))  # type: ignore[arg-type]
    assert kept(place).source_uri == "s3://a/x"


def test_of_two_starters_of_one_source_both_work_with_one_cut_off(place: OrdersPlace) -> None:
    raw = Overtaken(place.raw.open(), of("s3://a/x"))
    assert settle(raw, CutOff.KEPT, Origin("s3://a/x")) == kept(place)  # type: ignore[arg-type]


def test_a_cut_off_that_others_write_all_the_time_ends_in_a_sentence(place: OrdersPlace) -> None:
    class Busy(Overtaken):
        def put(self, *_: object, **__: object) -> str:
            raise ConflictError("PreconditionFailed", AS_OF_KEY)

    with pytest.raises(MigrationError, match="written by other copies"):
        settle(Busy(place.raw.open()), CutOff.NOW, Origin("s3://a/x"))  # type: ignore[arg-type]


Ask = Callable[[OrdersPlace, str], list[str]]


def copying(place: OrdersPlace, source: str) -> list[str]:
    return ["copy", "--source", source, "--raw", place.raw.uri, FOLDER]


def reconciling(place: OrdersPlace, source: str) -> list[str]:
    places = ["--raw", place.raw.uri, "--lake", place.lake.uri]
    return ["reconcile", "--source", source, *places, FOLDER]


@pytest.mark.parametrize("ask", [copying, reconciling])
def test_the_command_line_refuses_another_source_in_one_sentence(
    place: OrdersPlace, other: S3Location, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(copying(place, f"{place.source.uri}/")) == 0
    assert run(copying(place, place.source.uri)) == 0, "another spelling of the same source"
    capsys.readouterr()

    assert run(ask(place, other.uri)) == 2

    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert place.source.uri in told.err
    assert other.uri in told.err


def test_the_command_line_goes_on_from_a_source_that_is_said_to_be_replaced(
    place: OrdersPlace, other: S3Location
) -> None:
    assert run(copying(place, place.source.uri)) == 0
    assert run([*copying(place, other.uri), "--replaces-source", f"{place.source.uri}/"]) == 0
    assert kept(place).source_uri == other.uri


def test_reconciling_is_red_for_a_folder_of_another_source(
    place: OrdersPlace, other: S3Location
) -> None:
    copy_from(place.source, place)
    with pytest.raises(UsageError, match="was copied from"):
        reconciler_of(other, place.raw, place.lake, datetime.now(UTC))
    assert Reason.OTHER_SOURCE in reasons(place, other)
    settle(place.raw.open(), CutOff.KEPT, Origin(other.uri, place.source.uri))
    assert Reason.OTHER_SOURCE in reasons(place, other), "replaced, but not copied again"
    assert Reason.OTHER_SOURCE in reasons(place, None)
    assert copy_from(other, place, run_id="2").ok
    assert Reason.OTHER_SOURCE not in reasons(place, other)


def test_workers_are_told_which_source_is_replaced() -> None:
    told = worker_variables(Settings(replaces_source="s3://old/root"))
    assert told["CHECKOUT_REPLACES_SOURCE"] == "s3://old/root"


@pytest.fixture
def lake_of_other_raw(place: OrdersPlace, other: S3Location) -> str:
    """A lake whose rows were made from another raw; returns that raw's URI."""
    assert other
    record = copy_from(place.source, place).record
    assert record is not None
    made_from = "s3://old-raw/copies"
    publish(place, record.digest, made_from)
    return made_from


def publish(place: OrdersPlace, digest: str, raw_uri: str) -> None:
    record = PublicationRecord(
        FOLDER, "old", PUBLISHED, "c", digest, "1", [], [], [], StructureTotals(), raw_uri
    )
    place.lake.open().put(publication_record_key(FOLDER), record.to_json())


def structure(place: OrdersPlace, replaces: str = "") -> str:
    """What the job says; it needs a Spark session only for what it does not refuse."""
    job = StructureJob(f"{place.raw.uri}/", place.lake.uri, "new", (FOLDER,), replaces_raw=replaces)
    (told,) = structure_folders(None, job)  # type: ignore[arg-type]
    return told.error


def test_a_lake_of_another_raw_is_refused(
    place: OrdersPlace, lake_of_other_raw: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = f"rows were made from {lake_of_other_raw}, not from {place.raw.uri}"
    assert told in structure(place)
    assert "--replaces-raw" in structure(place)

    asked = ["structure", "--raw", place.raw.uri, "--lake", place.lake.uri, FOLDER]
    assert run(asked) == 2
    assert told in capsys.readouterr().err

    lake, folders = place.lake.open(), select_folders([FOLDER])
    refuse_lake_of_other_raw(lake, folders, place.raw.uri, lake_of_other_raw)
    publish(place, "d", place.raw.uri)
    refuse_lake_of_other_raw(lake, folders, place.raw.uri)
    publish(place, "d", "")
    refuse_lake_of_other_raw(lake, folders, place.raw.uri)


def test_reconciling_tells_rows_of_another_raw_from_rows_of_an_older_copy(
    place: OrdersPlace, lake_of_other_raw: str
) -> None:
    for raw_uri, reason in (
        (lake_of_other_raw, Reason.STRUCTURED_FROM_OTHER_RAW),
        (place.raw.uri, Reason.STRUCTURED_FROM_OLDER_COPY),
        ("", Reason.STRUCTURED_FROM_OLDER_COPY),
    ):
        publish(place, "d", raw_uri)
        assert reason in reasons(place, None)


@pytest.mark.parametrize("folder", [FOLDER, "0B_CheckoutOrder"])
def test_without_its_cut_off_raw_keeps_the_source_that_its_records_name(
    place: OrdersPlace, other: S3Location, folder: str
) -> None:
    copy_from(place.source, place)
    place.delete(AS_OF_KEY, place.raw)
    before = contents(place)
    place.put(f"{folder}/ACCOUNT/id/order-2", b"of the other", other)

    with pytest.raises(UsageError, match=f"was copied from {place.source.uri}, not from"):
        list(CopyEngine(other, place.raw, CopyOptions()).run(select_folders([folder]), "2"))

    assert contents(place) == before
    assert copy_from(place.source, place, run_id="3").ok


def test_a_cut_off_that_names_no_source_claims_raw_for_none(
    place: OrdersPlace, other: S3Location
) -> None:
    copy_from(place.source, place)
    place.delete(AS_OF_KEY, place.raw)
    settle(place.raw.open(), CutOff.NOW, Origin())

    with pytest.raises(UsageError, match=f"was copied from {place.source.uri}, not from"):
        copy_from(other, place, run_id="2")

    assert copy_from(place.source, place, run_id="3").ok


def test_without_its_cut_off_raw_is_of_the_source_that_its_newest_record_names(
    place: OrdersPlace, other: S3Location
) -> None:
    place.put("0B_CheckoutOrder/ACCOUNT/id/1")
    options = CopyOptions(as_of=CutOff.NOW)
    chosen = select_folders([FOLDER, "0B_CheckoutOrder"])
    assert all(each.ok for each in CopyEngine(place.source, place.raw, options).run(chosen, "1"))
    assert copy_from(other, place, replaces=place.source.uri, run_id="2").ok
    place.delete(AS_OF_KEY, place.raw)

    with pytest.raises(UsageError, match=f"was copied from {other.uri}, not from"):
        copy_from(place.source, place, run_id="3")

    assert copy_from(other, place, run_id="4").ok
    assert kept(place).replaced_sources == [place.source.uri]


def test_without_its_cut_off_another_source_is_copied_once_it_is_meant(
    place: OrdersPlace, other: S3Location
) -> None:
    copy_from(place.source, place)
    place.delete(AS_OF_KEY, place.raw)

    assert copy_from(other, place, replaces=place.source.uri, run_id="2").ok
    assert kept(place).source_uri == other.uri
