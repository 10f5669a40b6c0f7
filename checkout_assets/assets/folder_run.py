"""Run an engine over a run's folders and report each one to Dagster as it ends.

Dagster stores one outcome for a whole ranged run unless the body logs its own events. So only this
module logs them: a materialization and its checks per successful folder, at once, so that a crash
loses none, and at the end a failure that names the other folders. A run of a single partition
returns its results to Dagster instead: a step that logs its own events has no output, and Dagster
skips whatever comes after it in the same run.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import dagster as dg

from checkout_assets.assets.check_results import result_of
from checkout_assets.assets.dagster_internals import CheckTarget, latest_target, log_checks
from checkout_assets.assets.retries import (
    FAILED_FOLDERS,
    FailedFolder,
    RunContext,
    all_permanent,
    failure_table,
    forbid_run_retries,
)
from checkout_assets.assets.runbook import Runbook
from checkout_assets.domain.anomalies import Finding, Severity
from checkout_assets.domain.counting import of_folders
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.seam import FolderEngine, FolderResult
from spark_jobs.contract.failures import Failure
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import StoreError

RETRY_TAGS = ("dagster/retry_number", "dagster/is_resume_retry")
"""Tags of a run that repeats another: folders the first one finished are not done again."""

_ENGINE_SECONDS = "checkout_assets/engine_seconds."


def engine_seconds_tag(asset_key: dg.AssetKey) -> str:
    """The tag for a run's seconds in this asset's engine; the rest of a run is Dagster's own."""
    return _ENGINE_SECONDS + asset_key.to_python_identifier()


def engine_seconds(run: dg.DagsterRun, asset_key: dg.AssetKey) -> float:
    """Seconds that a run spent in this asset's engine; a run's engines work one after the other."""
    return float(run.tags.get(engine_seconds_tag(asset_key), 0))


R = TypeVar("R", bound=FolderResult)
E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True)
class FolderEvents:
    """The events of one folder for Dagster."""

    metadata: Mapping[str, Any]
    findings: Sequence[Finding]


class EngineResource(Protocol[E_co]):
    """A Dagster resource that gives an engine."""

    def engine(self) -> E_co:
        """Return the engine; raises UsageError if it cannot work as configured."""


def configured(resource: EngineResource[E_co], context: RunContext) -> E_co:
    """Return the resource's engine; reports a configuration error without a traceback."""
    with told_as_failure(context):
        return resource.engine()


@contextmanager
def told_as_failure(context: RunContext) -> Iterator[None]:
    """Turn an error that concerns all folders into a run's failure, without a traceback."""
    try:
        yield
    except (UsageError, MigrationError) as error:
        raise _failure(context, str(error), error.failure.transient) from None
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code}")
        told = f"The run stopped: {reason}."
        raise _failure(context, told, error.failure.transient) from None


def _failure(context: RunContext, told: str, transient: bool, **more: Any) -> dg.Failure:
    """Build the failure of a run; if it is permanent, Dagster does not retry the run."""
    if not transient:
        forbid_run_retries(context)
    return dg.Failure(description=told, allow_retries=transient, **more)


class Stopwatch:
    """Measures how long an iterator makes its reader wait."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, items: Iterator[R]) -> Iterator[R]:
        """Yield the items unchanged."""
        while True:
            started = time.monotonic()
            item = next(items, None)
            self.seconds += time.monotonic() - started
            if item is None:
                return
            yield item


@dataclass(frozen=True, slots=True)
class Attempted:
    """The results of a run's folders."""

    failed: dict[Folder, FailedFolder]
    results: list["dg.MaterializeResult[Any]"]
    """The results that the body yields, of a single partition; those of a range are logged."""


class FolderRun:
    """One run of one asset over some folders."""

    def __init__(
        self, context: dg.OpExecutionContext, asset_key: dg.AssetKey, runbook: Runbook
    ) -> None:
        self._context = context
        self._asset_key = asset_key
        self._runbook = runbook

    @property
    def run_id(self) -> str:
        """The run id that engines use: a retry keeps its first run's, and re-attaches."""
        run = self._context.run
        return run.root_run_id if self._is_retry and run.root_run_id else run.run_id

    def attempt(
        self,
        resource: EngineResource[FolderEngine[R]],
        folders: Sequence[Folder],
        describe: Callable[[R], FolderEvents],
    ) -> Attempted:
        """Run the engine and report each folder as it ends."""
        done = self._done_before(folders)
        left = [folder for folder in folders if folder.name not in done]
        # A folder for which the engine returns no result is not done.
        failed = {
            folder: FailedFolder(f"{folder}: the engine returned no result for this folder.")
            for folder in left
        }
        attempted = Attempted(failed, [])
        if not left:
            return attempted
        watch = Stopwatch()
        try:
            with closing(self._results(resource, left)) as results, told_as_failure(self._context):
                for result in watch.timed(results):
                    self._add(attempted, result, describe(result))
        finally:
            self._context.instance.add_run_tags(
                self._context.run_id, {engine_seconds_tag(self._asset_key): f"{watch.seconds:.3f}"}
            )
        return attempted

    def _results(
        self, resource: EngineResource[FolderEngine[R]], folders: Sequence[Folder]
    ) -> Generator[R, None, None]:
        """Make the engine, which sends requests too, and run it."""
        yield from configured(resource, self._context).run(folders, self.run_id)

    def _add(self, attempted: Attempted, result: R, report: FolderEvents) -> None:
        told = self._report(result, report)
        if told is not None:
            attempted.results.append(told)
        if result.ok:
            attempted.failed.pop(result.folder, None)
        else:
            failed = FailedFolder(result.error, _is_permanent(result))
            attempted.failed[result.folder] = failed

    def _report(self, result: R, report: FolderEvents) -> "dg.MaterializeResult[Any] | None":
        """Report a folder to Dagster; returns what only the body can yield."""
        partition = result.folder.name
        if not result.ok:
            self._context.log.error(result.error)
            # For a failed folder, only what failed is known.
            errors = [each for each in report.findings if each.severity is Severity.ERROR]
            failed = [replace(each, passed=False, summary=result.error) for each in errors]
            self._log_checks(failed, partition, None)
        elif self._context.has_partition_key:
            return dg.MaterializeResult(
                asset_key=self._asset_key,
                metadata=dict(report.metadata),
                check_results=[
                    dg.AssetCheckResult(asset_key=self._asset_key, **self._told(finding))
                    for finding in report.findings
                ],
            )
        else:
            self._context.log_event(
                dg.AssetMaterialization(
                    self._asset_key, partition=partition, metadata=dict(report.metadata)
                )
            )
            target = latest_target(self._context.instance, self._asset_key, partition)
            self._log_checks(report.findings, partition, target)
        return None

    def _log_checks(
        self, findings: Sequence[Finding], partition: str, target: CheckTarget | None
    ) -> None:
        log_checks(
            self._context, [self._evaluation(finding, partition, target) for finding in findings]
        )

    def _evaluation(
        self,
        finding: Finding,
        partition: str,
        target: CheckTarget | None,
    ) -> dg.AssetCheckEvaluation:
        return dg.AssetCheckEvaluation(
            asset_key=self._asset_key,
            target_materialization_data=target,
            partition=partition,
            **self._told(finding),
        )

    def _told(self, finding: Finding) -> dict[str, Any]:
        return result_of(finding, self._runbook)

    @property
    def _is_retry(self) -> bool:
        return self._context.retry_number > 0 or any(
            tag in self._context.run.tags for tag in RETRY_TAGS
        )

    def _done_before(self, folders: Sequence[Folder]) -> set[str]:
        """Folders that this run, or the run it repeats, has materialized already.

        A single partition is never among them: Dagster needs its result from every run, and the
        engine knows that it is done.
        """
        if not self._is_retry or self._context.has_partition_key:
            return set()
        run = self._context.run
        runs = {run.run_id, run.root_run_id, run.parent_run_id}
        records = self._context.instance.fetch_materializations(
            dg.AssetRecordsFilter(
                asset_key=self._asset_key, asset_partitions=[folder.name for folder in folders]
            ),
            limit=len(folders) * len(runs),
        ).records
        return {str(record.partition_key) for record in records if record.run_id in runs}


def _is_permanent(result: FolderResult) -> bool:
    """Whether the result is a permanent failure; without a failure it may be retried."""
    failure: Failure | None = getattr(result, "failure", None)
    return failure is not None and not failure.transient


def raise_for_failed(
    context: RunContext, failed: Mapping[Folder, FailedFolder], asked: int, runbook: Runbook
) -> None:
    """Raise dg.Failure that lists the failed folders and why; do nothing if there are none."""
    if not failed:
        return
    names = ", ".join(folder.name for folder in sorted(failed))
    raise _failure(
        context,
        f"{of_folders(len(failed), asked)} failed: {displayable(names)}",
        transient=not all_permanent(failed.values()),
        metadata={
            FAILED_FOLDERS: failure_table(failed),
            "runbook": runbook.line("a-folder-failed"),
        },
    )
