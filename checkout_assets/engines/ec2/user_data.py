"""The boot script of an instance: install the worker, copy the folders, report, shut down."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files

from checkout_assets.domain.copying import CutOff, parse_as_of
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.copying.choices import CopySettings
from checkout_assets.engines.ec2.worker_package import WorkerArchive
from checkout_assets.engines.fleet.variables import on_instance
from checkout_assets.settings import ENVIRONMENT_PREFIX, Settings, variable_of

LARGEST_USER_DATA = 16 * 1024
"""EC2's limit in bytes, before base64."""

_SCRIPT = "user_data.sh"
_VARIABLE = re.compile(rf"{ENVIRONMENT_PREFIX}[A-Z_]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """The work of one instance.

    ``report_uri`` is reports.worker_uri of the run and the worker. ``deadline`` has a time zone;
    ten minutes after it the instance is terminated in any case. ``region`` is raw's. ``variables``
    are those of worker_variables. Their cut-off must be settled and not ``now``, which differs per
    instance.
    """

    folders: Sequence[Folder]
    run_id: str
    report_uri: str
    archive: WorkerArchive
    deadline: datetime
    region: str
    silence_minutes: int = 30
    folders_at_once: int = 8
    in_flight: int = 256
    variables: Mapping[str, str] = field(default_factory=dict)


def worker_variables(settings: Settings) -> dict[str, str]:
    """Return the CHECKOUT_* variables that a copy on another machine needs; none is a secret."""
    chosen = {name: getattr(settings, name) for name in CopySettings.model_fields}
    return {
        variable_of(name): "true" if value is True else str(value)
        for name, value in chosen.items()
        if value != Settings.model_fields[name].default
    }


def render_user_data(job: WorkerJob) -> str:
    """Render the shell script for the instance's user data, as text (not base64).

    Raises UsageError if it exceeds EC2's limit, or if a value cannot be passed to a shell.
    """
    cut_off = job.variables.get(f"{ENVIRONMENT_PREFIX}AS_OF", "")
    if parse_as_of(cut_off) is CutOff.NOW:
        raise UsageError(
            "On EC2 the cut-off cannot be now, because each instance would have its own: set "
            "CHECKOUT_AS_OF to a timestamp."
        )
    script = files("checkout_assets.engines.ec2").joinpath(_SCRIPT).read_text()
    rendered = "\n".join(["#!/bin/bash", *_values(job), script])
    if (size := len(rendered.encode())) > LARGEST_USER_DATA:
        raise UsageError(
            f"The user data of an instance would be {size:,} bytes; EC2 takes {LARGEST_USER_DATA:,}"
            ". Give an instance fewer folders, or shorten the URIs."
        )
    return rendered


def folder_words(folders: Sequence[Folder]) -> list[str]:
    """Return the shortest words that select_folders parses as these folders: names and ranges."""
    runs: list[list[Folder]] = []
    for folder in sorted(folders):
        if runs and runs[-1][-1].index + 1 == folder.index:
            runs[-1].append(folder)
        else:
            runs.append([folder])
    return [run[0].name if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs]


def _values(job: WorkerJob) -> Iterator[str]:
    named = {
        "report": job.report_uri,
        "run_id": job.run_id,
        "archive": job.archive.uri,
        "archive_sha256": job.archive.sha256,
        "python": job.archive.python,
        "deadline": f"{job.deadline.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "silence_minutes": str(job.silence_minutes),
        "folders_at_once": str(job.folders_at_once),
        "in_flight": str(job.in_flight),
        "folder_count": str(len(job.folders)),
    }
    exported = {**on_instance(job.region), **job.variables}
    yield from (f"{name}={_quoted(name, value)}" for name, value in named.items())
    yield f"folders=({' '.join(folder_words(job.folders))})"
    for name, value in exported.items():
        if not name.startswith("AWS_") and not _VARIABLE.fullmatch(name):
            raise ValueError(f"{displayable(name)} is not a setting")
        yield f"export {name}={_quoted(name, value)}"


def _quoted(name: str, value: str) -> str:
    if _CONTROL.search(value):
        raise UsageError(
            f'{name} is "{displayable(value)}", which cannot be given to an instance: leave out '
            "what does not print."
        )
    return shlex.quote(value)
