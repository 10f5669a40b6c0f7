"""The options of all instances of a run, and those of one instance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from checkout_assets.domain.copying import CutOff, parse_as_of
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.copying.cutoff import settle_cut_off
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.ec2.user_data import WorkerJob
from checkout_assets.engines.ec2.worker_package import WorkerArchive
from checkout_assets.engines.worker.reports import worker_uri
from checkout_assets.settings import ENVIRONMENT_PREFIX
from spark_jobs.stores import Store

_AS_OF = f"{ENVIRONMENT_PREFIX}AS_OF"


@dataclass(frozen=True, slots=True)
class CopyJob:
    """The common options of a run's instances; ``variables`` are those of worker_variables."""

    archive: WorkerArchive
    variables: Mapping[str, str] = field(default_factory=dict)

    def settled(self, raw: Store) -> "CopyJob":
        """Return the job with a cut-off that is the same for every instance."""
        asked = parse_as_of(self.variables.get(_AS_OF, ""))
        if asked is not CutOff.NOW:
            return self
        return self.copied_until(settle_cut_off(raw, asked).isoformat())

    def copied_until(self, as_of: str) -> "CopyJob":
        """Return the job with this cut-off; an empty one means the cut-off that raw keeps."""
        return replace(self, variables={**self.variables, _AS_OF: as_of})

    def for_worker(  # noqa: PLR0913, PLR0917 - what one instance is told
        self,
        options: Ec2Options,
        region: str,
        folders: Sequence[Folder],
        run_id: str,
        worker: str,
        deadline: datetime,
    ) -> WorkerJob:
        """Return the options of one instance."""
        return WorkerJob(
            folders=folders,
            run_id=run_id,
            report_uri=worker_uri(options.fleet_uri, run_id, worker),
            archive=self.archive,
            deadline=deadline,
            region=region,
            silence_minutes=options.silence_minutes,
            folders_at_once=options.folders_at_once,
            in_flight=options.in_flight,
            variables=self.variables,
        )
