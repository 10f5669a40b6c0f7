"""Runs that begin and end, and what a sensor for orphans says when it looks."""

from collections.abc import Callable
from typing import Any

import dagster as dg


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.job
def some_job() -> None:
    """A run of it holds whatever a test launches in its name."""
    nothing()


def started(instance: dg.DagsterInstance, **options: Any) -> dg.DagsterRun:
    """A run that is under way."""
    return instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTED, **options)


def look(sensor: Callable[..., Any], instance: dg.DagsterInstance, **resources: Any) -> str:
    """Let the sensor look once; what it says."""
    with dg.build_sensor_context(instance=instance, resources=resources) as context:
        told = sensor(context)
    assert isinstance(told, dg.SkipReason)
    return str(told.skip_message)
