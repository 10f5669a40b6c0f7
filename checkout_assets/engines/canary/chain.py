"""A canary from its first request to the removal of all that it left; one result per link."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from checkout_assets.domain.canary import Link
from checkout_assets.domain.counting import counted, in_number
from checkout_assets.domain.doctor import CheckResult, CheckState, Topic
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.faults import explain_fault
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.canary.attributes import lost_attributes, not_in_raw
from checkout_assets.engines.canary.ending import end_machines
from checkout_assets.engines.canary.fleets import CanaryFleet
from checkout_assets.engines.canary.places import CanaryPlaces
from checkout_assets.engines.canary.remedies import REMEDIES
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets.engines.copying.sample import Sample, SampleKind, choose_sample
from checkout_assets.engines.seam import FolderOutcome
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from checkout_assets.engines.worker.reports import WorkerReports, worker_prefix, workers_of
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.publication import PublicationRecord
from spark_jobs.contract.record_format import RecordError
from spark_jobs.stores import Store, StoreError

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

_GUIDE = "docs/runbook.md#the-canary"


@dataclass(frozen=True, slots=True)
class CanaryRun:
    """All that a canary uses.

    ``source`` and ``raw`` open the source and the canary's own raw as the copy role; ``lake`` is
    the canary's own. ``places`` are those of all canaries, as this principal. ``identity`` says who
    this principal is, or that it may not be used. ``pause`` waits some seconds.
    """

    id: str
    folder: Folder
    source: "Callable[[], S3Store]"
    raw: "Callable[[], S3Store]"
    lake: Store
    places: CanaryPlaces
    identity: Callable[[], str]
    copying: CanaryFleet[FolderCopied]
    structuring: CanaryFleet[StructuredFolder]
    pause: Callable[[float], None]


class Canary:
    """One canary; ``tell`` is called with the result of each link as soon as it is known."""

    def __init__(self, run: CanaryRun, tell: Callable[[CheckResult], None]) -> None:
        self._run = run
        self._tell_result = tell
        self._untold = list(Link)
        self._used: dict[Link, CanaryFleet[Any]] = {}
        self._sample = Sample({}, 0)
        self._result: FolderOutcome | None = None
        self._error = ""
        self._machine = ""

    def fly(self) -> None:
        """Try all links until one fails.

        However it ends, the machines are ended and everything is removed.
        """
        try:
            if (
                self._try(Link.IDENTITY, self._run.identity)
                and self._try(Link.SOURCE, self._choose)
                and self._copy()
            ):
                self._structure()
            self._tell_unreached()
        finally:
            self._clean_up()

    def _copy(self) -> bool:
        self._work(self._run.copying, Link.INSTANCE_ENDED)
        links = {
            Link.LAUNCH: self._launched,
            Link.WORKER: lambda: self._began(self._run.copying),
            Link.COPIED: self._copied,
            Link.REPORTS: self._reported,
            Link.PROOF: self._proven,
        }
        done = all(self._try(link, check) for link, check in links.items())
        return self._end(Link.INSTANCE_ENDED) and done

    def _structure(self) -> None:
        self._work(self._run.structuring, Link.CLUSTER_ENDED)
        links = {
            Link.CLUSTER: lambda: self._launched() and self._began(self._run.structuring),
            Link.STEP: self._structured,
            Link.ROWS: self._published,
        }
        all(self._try(link, check) for link, check in links.items())  # until one fails
        self._end(Link.CLUSTER_ENDED)

    def _work(self, fleet: CanaryFleet[Any], ends: Link) -> None:
        """Let the fleet do its work, and keep its result, its error and its machine."""
        self._used[ends] = fleet
        self._result, self._error, self._machine = None, "", ""
        try:
            (self._result,) = fleet.engine().run([self._run.folder], self._run.id)
            self._error = self._result.error
            self._machine = self._result.host
        except Exception as error:
            self._error = _explained(error)
        if not self._machine:
            self._machine = _first_machine(fleet)

    def _choose(self) -> str:
        self._sample = choose_sample(self._run.source(), self._run.folder)
        if SampleKind.ORDINARY not in self._sample.chosen:
            raise UsageError(
                "No ordinary document is among the first "
                f"{counted(self._sample.looked_at, 'object')} of {self._run.folder}."
            )
        return self._told_sample()

    def _launched(self) -> str:
        if not self._machine:
            raise UsageError(self._error)
        return self._machine

    def _began(self, fleet: CanaryFleet[Any]) -> str:
        if not fleet.began(self._machine):
            raise UsageError(self._error or f"{self._machine} never began its work.")
        return self._machine

    def _copied(self) -> str:
        raw = self._run.raw()
        if self._error:
            missing = not_in_raw(self._sample, raw)
            what = f" Not in raw: the {' and the '.join(missing)} object." if missing else ""
            raise UsageError(f"{self._error}{what}")
        if lost := lost_attributes(self._run.source(), self._sample, raw):
            raise UsageError(f"The copies differ from the source in {'; '.join(lost)}.")
        return f"{self._told_sample()}; bytes, metadata and tags are the source's"

    def _reported(self) -> str:
        fleet, run_id = self._run.places.fleet, self._run.id
        for worker in workers_of(fleet, run_id):
            report = WorkerReports(fleet, worker_prefix(run_id, worker)).result(self._run.folder)
            if report is not None and report.ok:
                return f"{worker} reported the folder as copied"
        raise UsageError("The instance copied the folder, but its report is missing.")

    def _proven(self) -> str:
        record = self._result.record if isinstance(self._result, FolderCopied) else None
        expected = len(self._sample.chosen)
        if record is None or record.listed != expected:
            listed = record.listed if record else 0
            raise UsageError(f"It proves {counted(listed, 'object')} instead of {expected}.")
        return f"it proves {counted(expected, 'object')}"

    def _structured(self) -> str:
        if self._error:
            raise UsageError(self._error)
        return f"the step structured {self._run.folder}"

    def _published(self) -> str:
        lake = self._run.lake
        key = publication_record_key(self._run.folder.name)
        record = PublicationRecord.from_json(lake.get(key).data)
        sizes = lake.sizes([file.path for file in record.all_files])
        wrong = sum(sizes[file.path] != file.size for file in record.all_files)
        if wrong:
            raise UsageError(in_number(wrong, "# file[|s] [differs|differ] from the record."))
        quarantined = record.totals.quarantine_rows
        rows = counted(record.totals.rows, "row")
        return f"{rows} in the canary's table, {counted(quarantined, 'object')} in quarantine"

    def _end(self, link: Link) -> bool:
        """End the fleet's machines and wait until they are gone.

        A fleet stays among the used ones until then: an interruption meanwhile must not leave it.
        """
        fleet = self._used[link]
        ended = self._try(link, lambda: end_machines(fleet, self._run.pause))
        del self._used[link]
        return ended

    def _clean_up(self) -> None:
        try:
            for link in list(self._used):
                self._end(link)
        finally:
            self._try(Link.REMOVED, self._remove)

    def _remove(self) -> str:
        places = self._run.places
        removed = places.remove(self._run.id)
        earlier = places.remove_outlived(datetime.now(UTC))
        told = counted(removed, "object")
        return f"{told}, and {counted(earlier, 'object')} of earlier canaries" if earlier else told

    def _told_sample(self) -> str:
        kinds = ", ".join(self._sample.chosen)
        if not self._sample.lacking:
            return kinds
        lacking = " or ".join(self._sample.lacking)
        return f"{kinds}; no {lacking} object is among the first {self._sample.looked_at:,}"

    def _try(self, link: Link, check: Callable[[], str]) -> bool:
        """Tell the link's result: what ``check`` returns, or what it raises; True if it is ok."""
        topic = Topic("canary", link, _GUIDE)
        try:
            result = topic.ok(check())
        except Exception as error:
            result = topic.failed(_explained(error), REMEDIES[link])
        self._tell(link, result)
        return result.state is CheckState.OK

    def _tell_unreached(self) -> None:
        for link in [each for each in self._untold if each is not Link.REMOVED]:
            topic = Topic("canary", link, _GUIDE)
            self._tell(link, topic.unknown("not reached", "Solve what failed, then run it again."))

    def _tell(self, link: Link, result: CheckResult) -> None:
        self._tell_result(result)
        self._untold.remove(link)


def _first_machine(fleet: CanaryFleet[Any]) -> str:
    """Return the id of a machine that was launched although its run failed; empty if none was."""
    try:
        return next((each.id for each in fleet.find()), "")
    except AwsRequestError:
        return ""


def _explained(error: Exception) -> str:
    """Explain an exception in one sentence without names of objects."""
    if isinstance(error, UsageError | MigrationError):
        return str(error)
    if isinstance(error, AwsRequestError):
        return f"{error}."
    if isinstance(error, StoreError):
        return f"{error.reason}."
    if isinstance(error, RecordError):
        return f"{error}."
    return explain_fault(error)
