"""Which failures of a run Dagster may retry: transient ones by any setting, permanent ones by none.

``allow_retries`` of a ``Failure`` is for an op's ``RetryPolicy`` only. Dagster's run retries look
at a tag of the run, which has to be there before the run fails.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import dagster as dg

from checkout_assets.assets.dagster_internals import MAX_RETRIES_TAG, RETRY_NUMBER_TAG
from checkout_assets.domain.folders import Folder

FAILED_FOLDERS = "failed_folders"
"""The metadata entry of a run's failure with the table of failed folders."""

_MAX_RETRIES_BEFORE = "checkout_assets/max_retries_before"
"""The tag with a run's original limit of retries, for a later re-execution."""

RunContext = dg.OpExecutionContext | dg.AssetExecutionContext


@dataclass(frozen=True, slots=True)
class FailedFolder:
    """Why a folder failed: one sentence, and whether a mere retry would fail again."""

    sentence: str
    permanent: bool = False


def allow_run_retries(context: RunContext) -> None:
    """Let Dagster retry a run that repeats a run for which retries were forbidden."""
    before = context.run.tags.get(_MAX_RETRIES_BEFORE)
    if before is not None:
        context.instance.add_run_tags(context.run_id, {MAX_RETRIES_TAG: before})


def forbid_run_retries(context: RunContext) -> None:
    """Keep Dagster from retrying this run; it can still be re-executed by hand."""
    tags = context.run.tags
    limit = tags.get(MAX_RETRIES_TAG, str(context.instance.run_retries_max_retries))
    before = tags.get(_MAX_RETRIES_BEFORE, limit)
    context.instance.add_run_tags(
        context.run_id, {MAX_RETRIES_TAG: "0", _MAX_RETRIES_BEFORE: before}
    )


def failed_for_good(context: RunContext) -> dict[Folder, FailedFolder]:
    """If Dagster is retrying a run by itself, return the folders that failed permanently."""
    run = context.run
    if RETRY_NUMBER_TAG not in run.tags or run.parent_run_id is None:
        return {}
    return permanently_failed(context.instance, run.parent_run_id)


def permanently_failed(instance: dg.DagsterInstance, run_id: str) -> dict[Folder, FailedFolder]:
    """The folders that a run reported as failed for good."""
    return {
        Folder.parse(str(row["folder"])): FailedFolder(str(row["reason"]), permanent=True)
        for table in _failure_tables(instance, run_id)
        for row in (record.data for record in table.records)
        if row.get("permanent")
    }


def folders_failed(instance: dg.DagsterInstance, run_id: str) -> set[Folder]:
    """The folders that a run reported as failed."""
    rows = (row.data for table in _failure_tables(instance, run_id) for row in table.records)
    return {Folder.parse(str(row["folder"])) for row in rows}


def _failure_tables(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.TableMetadataValue]:
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        failure = entry.dagster_event and entry.dagster_event.step_failure_data.user_failure_data
        table = failure and failure.metadata.get(FAILED_FOLDERS)
        if isinstance(table, dg.TableMetadataValue):
            yield table


def failure_table(failed: Mapping[Folder, FailedFolder]) -> dg.TableMetadataValue:
    """Build a table of folders, why each is not done, and whether a retry is useless."""
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {"folder": folder.name, "reason": each.sentence, "permanent": each.permanent}
            )
            for folder, each in sorted(failed.items())
        ],
        schema=dg.TableSchema(
            columns=[
                dg.TableColumn("folder", "string"),
                dg.TableColumn("reason", "string"),
                dg.TableColumn(
                    "permanent", "bool", description="a retry fails again: solve the reason first"
                ),
            ]
        ),
    )


def all_permanent(failed: Iterable[FailedFolder]) -> bool:
    """Whether no folder is left for which a retry may help."""
    return all(each.permanent for each in failed)
