"""The longest prefix of a place with which every key below it fits into S3's limit."""

from datetime import UTC, datetime

from checkout_assets.domain.copying import new_copy_id
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.domain.keys import CUT_KEY_TAIL, LONGEST_KEY_BYTES
from spark_jobs.contract.keys import (
    completion_record_key,
    manifest_part_key,
    quarantine_file_key,
    result_key,
    staged_key,
    table_file_key,
)

LONGEST_RUN_ID = 100
"""In characters, all of them ASCII."""

_FOLDER = max(FOLDER_NAMES, key=len)
_RUN_ID = "r" * LONGEST_RUN_ID
_COPY_ID = new_copy_id(_RUN_ID, datetime(2026, 1, 1, tzinfo=UTC), "0" * 6)
_MOST_FILES = 999_999
_TABLE_FILE = table_file_key(_FOLDER, "2018-10-31", _RUN_ID, _MOST_FILES)

_WORKER_RESULT = f"results/{_FOLDER}.json"
"""The longest name of a file that a copying worker writes (engines/worker/reports)."""

_PACKAGE_FILE = "x" * 128
"""Longer than any file name of ``make package``: role, version, hash and processor."""

_CONTAINER = "1234567890123_0001_01_000001"
_CLUSTER_LOG = f"j-{'X' * 14}/containers/application_{_CONTAINER}/container_{_CONTAINER}/stderr.gz"
"""The longest name of EMR's logs: cluster id, YARN application and container."""

_LONGEST_KEYS = {
    "source": (f"{_FOLDER}/x",),
    "raw": (
        f"{_FOLDER}/{'x' * CUT_KEY_TAIL}",
        manifest_part_key(_FOLDER, _COPY_ID, f"part-{_MOST_FILES}.parquet"),
        completion_record_key(_FOLDER),
    ),
    "lake": (
        staged_key(_FOLDER, _RUN_ID, _TABLE_FILE),
        staged_key(_FOLDER, _RUN_ID, quarantine_file_key(_FOLDER, _RUN_ID, _MOST_FILES)),
        result_key(_FOLDER, _RUN_ID),
    ),
    "fleet_uri": (f"runs/{_RUN_ID}/w{_MOST_FILES}/{_WORKER_RESULT}",),
    "report": (_WORKER_RESULT,),
    "package_uri": (_PACKAGE_FILE,),
    "log_uri": (_CLUSTER_LOG,),
}
"""The longest key per place; all are ASCII."""


def longest_prefix(place: str) -> int:
    """The maximum length in bytes of a place's prefix, its slash included.

    ``place`` is source, raw, lake, fleet_uri, package_uri, log_uri, or report, which is one
    worker's directory below fleet_uri.
    """
    return LONGEST_KEY_BYTES - max(map(len, _LONGEST_KEYS.get(place, ("x",))))
