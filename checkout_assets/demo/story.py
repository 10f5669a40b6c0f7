"""The demo's steps: what the hand-run migration left, and how the platform repairs it.

Everything except the upload runs in Dagster, so that the UI shows it afterwards.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from checkout_assets.demo.database import check_database
from checkout_assets.demo.place import BUCKETS, RAW_URI, SOURCE_URI, DemoPlace
from checkout_assets.demo.stages import Stages
from checkout_assets.domain.counting import of_folders
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.faults import explain_fault
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.domain.reconciliation import Reason, State
from checkout_assets.engines.interruptible import begin_all
from checkout_assets.engines.open_files import ensure_open_files
from checkout_assets.sample.hand_run import HandRunFaults, hand_run_faults, hand_run_leftovers
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.sample.source import SampleOptions, expected_flags, source_objects
from checkout_assets.sample.upload import upload
from spark_jobs.completed import completed
from spark_jobs.contract.order_types import OrderType

if TYPE_CHECKING:
    from dagster import AssetKey

    from checkout_assets.demo.backfill import InProcessDagster

ASSETS = ("raw_orders", "structured_orders")
"""The assets that are backfilled together, as Materialize all does: a run does both of a folder."""

BACKFILL = "copy, verify and structure"
"""The stage of the backfill."""

COMPACTION = "compact for analysts"
"""The stage that makes the analysts' tables, in one run of all months."""

COMPACTED = ("files_before", "bytes_before", "files_written", "bytes_written")
"""The metadata of a compacted month that the demo adds up."""


@dataclass(frozen=True, slots=True)
class Told:
    """The results of the demo, for its summary and for tests.

    ``before`` and ``after`` are the metadata of the two reconciliations. ``engine_seconds`` are
    those for which the backfill waited for the engine of each asset. ``compacted`` has, per
    analysts' table, files and bytes before and after; ``compaction_fault`` says why the tables are
    not made.
    """

    faults: HandRunFaults
    expected_flags: Mapping[str, frozenset[str]]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    uploaded: int
    stages: Mapping[str, float]
    engine_seconds: Mapping[str, float]
    compacted: Mapping[str, Mapping[str, int]]
    compaction_fault: str = ""
    succeeded: bool = True
    lost_found: frozenset[str] = field(default_factory=frozenset)
    stale_found: frozenset[str] = field(default_factory=frozenset)

    @property
    def flagged(self) -> dict[str, frozenset[str]]:
        """The folders that the last reconciliation flagged, by check name."""
        found: Mapping[str, list[str]] = self.after["flagged_folders"]
        return {check: frozenset(found.get(check, ())) for check in self.expected_flags}

    @property
    def dagster_seconds(self) -> float:
        """Dagster's own share of the backfill."""
        return self.stages[BACKFILL] - sum(self.engine_seconds.values())

    def report_of(self, place: DemoPlace) -> str:
        """The path of the last reconciliation's report."""
        return str(place.reports / str(self.after["report"]).rpartition("/")[2])

    def document(self, place: DemoPlace) -> dict[str, Any]:
        """The summary as JSON."""
        return {
            "faults": self.faults_of_the_demo(),
            "lost_folders_found": sorted(self.lost_found),
            "stale_objects_found_in": sorted(self.stale_found),
            "flagged": {check: sorted(folders) for check, folders in self.flagged.items()},
            "before": dict(self.before),
            "after": dict(self.after),
            "uploaded": self.uploaded,
            "seconds": dict(self.stages),
            "engine_seconds": dict(self.engine_seconds),
            "dagster_seconds": self.dagster_seconds,
            "report": self.report_of(place),
            "tables": str(place.lake / "consumable_tables"),
            "analysts_tables": {name: dict(told) for name, told in self.compacted.items()},
        }

    def faults_of_the_demo(self) -> list[str]:
        """Sentences about unexpected results; empty is a success."""
        wrong = []
        if not self.succeeded:
            wrong.append("a run of the backfill failed")
        if self.after["folders_complete"] != len(FOLDER_NAMES):
            complete = self.after["folders_complete"]
            wrong.append(f"only {of_folders(complete, len(FOLDER_NAMES), ' [is|are] complete')}")
        if self.lost_found != self.faults.never_copied:
            wrong.append(f"the first reconciliation found {sorted(self.lost_found)} lost")
        if self.stale_found != set(self.faults.stale):
            wrong.append(f"the first reconciliation found {sorted(self.stale_found)} stale")
        wrong += [
            f"the check {check} flags {sorted(self.flagged[check] ^ expected)} wrongly or not"
            for check, expected in self.expected_flags.items()
            if self.flagged[check] != expected
        ]
        return wrong + self._faults_of_tables()

    def _faults_of_tables(self) -> list[str]:
        wrong = [self.compaction_fault] if self.compaction_fault else []
        return wrong + [
            f"the analysts' table {table['table']} is {table['state']}"
            for table in self.after["analysts_tables"]
            if table["state"] != State.GREEN
        ]


def tell(place: DemoPlace, options: SampleOptions, stages: Stages, database: str = "") -> Told:
    """Create the sample, migrate it, and return the results; the files are in ``place``.

    ``database`` is the URL of the PostgreSQL for Dagster's runs and events, if not in files.

    It runs on a separate thread, because in the main thread Dagster takes an interrupt for the end
    of one run and starts the next. An interrupt ends only the waiting for that thread: the process
    must then end, and the S3 server and Java end with it.
    """
    ensure_open_files()
    if database:
        check_database(database)
    try:
        place.prepare(options.documents, database)
        (told,) = completed(begin_all(lambda _: _tell(place, options, stages), [None], 1, "demo"))
    except OSError as error:  # an error of a write does not name the file
        reason = explain_fault(error)
        raise MigrationError(f"The demo in {displayable(str(place.root))}: {reason}") from None
    finally:
        stages.leave_terminal()
    return told


def _tell(place: DemoPlace, options: SampleOptions, stages: Stages) -> Told:
    with EmbeddedS3Server(snapshot=place.s3_snapshot, log=place.s3_log) as server:
        os.environ.update({**server.environment(), **place.environment()})
        uploaded = _make_sample(server, options, stages)
        # Imported only now, because the definitions read the environment when they are loaded.
        from checkout_assets.demo.backfill import in_process_dagster

        with in_process_dagster() as dagster:
            return migrate(dagster, options, stages, uploaded)


def _make_sample(server: EmbeddedS3Server, options: SampleOptions, stages: Stages) -> int:
    from spark_jobs.stores import S3Store, open_store

    for bucket in BUCKETS:
        server.client().create_bucket(
            Bucket=bucket,
            CreateBucketConfiguration={"LocationConstraint": server.client().meta.region_name},
        )
    uploaded = 0
    sides = (
        ("make the sample source", SOURCE_URI, source_objects),
        ("prepare raw as the earlier migration left it", RAW_URI, hand_run_leftovers),
    )
    for name, uri, objects in sides:
        store = open_store(uri)
        assert isinstance(store, S3Store)
        with stages.stage(name, options.documents) as show:
            done = 0

            def on_object(_: int) -> None:
                nonlocal done
                done += 1
                show(done)

            uploaded += upload(objects(options), store, on_object)
    return uploaded


def migrate(
    dagster: "InProcessDagster", options: SampleOptions, stages: Stages, uploaded: int
) -> Told:
    """Reconcile, migrate all folders, make the analysts' tables, and reconcile again."""
    with stages.stage("reconcile: what is there?", 1):
        before = dagster.reconcile()
    succeeded = _backfilled(dagster, stages, BACKFILL, [dagster.key(asset) for asset in ASSETS])
    tables = {each.table: dagster.key(f"{each.table}_orders") for each in OrderType}
    compaction_fault = _compact(dagster, stages, list(tables.values()))
    with stages.stage("reconcile: is anything missing?", 1):
        after = dagster.reconcile()
    return Told(
        faults=hand_run_faults(options),
        expected_flags=expected_flags(options),
        before=before,
        after=after,
        uploaded=uploaded,
        stages=stages.seconds,
        engine_seconds={asset: dagster.engine_seconds(dagster.key(asset)) for asset in ASSETS},
        compacted={name: dagster.sums(key, *COMPACTED) for name, key in tables.items()},
        compaction_fault=compaction_fault,
        succeeded=succeeded,
        lost_found=_red_because(before, Reason.FOLDER_MISSING),
        stale_found=_red_because(before, Reason.OBJECTS_DIFFER),
    )


def _backfilled(
    dagster: "InProcessDagster", stages: Stages, name: str, assets: "list[AssetKey]"
) -> bool:
    """Backfill all partitions of these assets as a stage; returns whether all runs succeeded."""
    total = dagster.partitions(assets)
    with stages.watched(name, total, lambda: dagster.materialized(assets)):
        return dagster.backfill(assets, name)


def _compact(dagster: "InProcessDagster", stages: Stages, tables: "list[AssetKey]") -> str:
    """Make the analysts' tables as a stage; returns why they are not complete, or nothing.

    The folders are migrated all the same, so that what was found in them is still told.
    """
    try:
        made = _backfilled(dagster, stages, COMPACTION, tables)
    except MigrationError as error:
        return f"the analysts' tables are not complete ({error})"
    return "" if made else "the run that makes the analysts' tables failed"


def _red_because(reconciliation: Mapping[str, Any], reason: Reason) -> frozenset[str]:
    """The folders that are red for that reason in the reconciliation."""
    found: dict[str, list[str]] = reconciliation["red_reasons"]
    if not found:
        raise MigrationError("The first reconciliation found nothing red, which cannot be.")
    return frozenset(found.get(reason.code, ()))
