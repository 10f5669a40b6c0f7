"""Whether a run that launched something is over."""

import dagster as dg

from checkout_assets.assets.dagster_internals import repeats_of


def is_over(instance: dg.DagsterInstance, run_id: str) -> bool | None:
    """Whether the run and all that repeat it have ended; None if the instance knows none.

    A repeated run continues with the machines that its first run launched.
    """
    first = instance.get_run_by_id(run_id)
    runs = [*repeats_of(instance, run_id), *([first] if first else [])]
    return all(run.is_finished for run in runs) if runs else None
