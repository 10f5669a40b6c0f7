"""The end of a step's log; EMR stores logs some minutes after they are written."""

import gzip
import re
from contextlib import suppress
from io import BytesIO

from spark_jobs.stores import Store, StoreError

_LARGEST_LOG = 8 * 1024 * 1024
"""Largest stored log in bytes that is read; for a larger one only the link is shown."""
_TAIL = 64 * 1024
_CHUNK = 1024 * 1024
_APPLICATION = re.compile(r"application_[0-9]+_[0-9]+")


def console_link(region: str, cluster: str) -> str:
    """Return the URL of the cluster's page, with its steps and their logs."""
    return f"https://{region}.console.aws.amazon.com/emr/home?region={region}#/clusterDetails/{cluster}"


def read_log_end(logs: Store, cluster: str, step: str) -> str:
    """Return the end of the step's log and, in cluster mode, of its driver's; empty if missing."""
    submitted = _end_of(logs, f"{cluster}/steps/{step}/stderr.gz")
    driver = _APPLICATION.search(submitted)
    return submitted + (_driver_log(logs, cluster, driver[0]) if driver else "")


def _driver_log(logs: Store, cluster: str, application: str) -> str:
    """Return the driver's log: the driver is the first container of the application."""
    with suppress(StoreError):
        for entry in logs.list(f"{cluster}/containers/{application}/"):
            if entry.key.endswith("_000001/stderr.gz"):
                return "\n" + _end_of(logs, entry.key)
    return ""


def _end_of(logs: Store, key: str) -> str:
    end = b""
    with suppress(StoreError, OSError, EOFError):
        size = logs.size(key)
        if size is None or size > _LARGEST_LOG:
            return ""
        with gzip.open(BytesIO(logs.get(key).data)) as file:
            while chunk := file.read(_CHUNK):
                end = (end + chunk)[-_TAIL:]
    return end.decode("utf-8", "replace")
