"""Whether a run that launched something is over."""

import dagster as dg
from dagster._core.storage.tags import ROOT_RUN_ID_TAG


def is_over(instance: dg.DagsterInstance, run_id: str) -> bool | None:
    """Whether the run and all that repeat it have ended; None if the instance knows none.

    A repeated run goes on with what its first run launched.
    """
    repeats = instance.get_runs(filters=dg.RunsFilter(tags={ROOT_RUN_ID_TAG: run_id}))
    first = instance.get_run_by_id(run_id)
    runs = [*repeats, *([first] if first else [])]
    return all(run.is_finished for run in runs) if runs else None
