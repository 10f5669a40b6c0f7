"""Runs that begin and end, and the results of a sensor for orphans."""

from collections.abc import Callable
from typing import Any

import dagster as dg


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.job
def some_job() -> None:
    """The job of the runs that own the machines a test launches."""
    nothing()


def started(instance: dg.DagsterInstance, **options: Any) -> dg.DagsterRun:
    """A run in progress."""
    return instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTED, **options)


def look(sensor: Callable[..., Any], instance: dg.DagsterInstance, **resources: Any) -> str:
    """Evaluate the sensor once; returns its message."""
    with dg.build_sensor_context(instance=instance, resources=resources) as context:
        told = sensor(context)
    assert isinstance(told, dg.SkipReason)
    return str(told.skip_message)
