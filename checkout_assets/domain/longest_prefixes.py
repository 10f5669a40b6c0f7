"""The longest prefix in S3 with which every key below it still fits."""

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
"""Characters, all of them ASCII."""

_FOLDER = max(FOLDER_NAMES, key=len)
_RUN_ID = "r" * LONGEST_RUN_ID
_COPY_ID = new_copy_id(_RUN_ID, datetime(2026, 1, 1, tzinfo=UTC), "0" * 6)
_MOST_FILES = 999_999
_TABLE_FILE = table_file_key(_FOLDER, "2018-10-31", _RUN_ID, _MOST_FILES)

_WORKER_RESULT = f"results/{_FOLDER}.json"
"""The longest name of what a copying worker leaves (engines/worker/reports)."""

_PACKAGE_FILE = "x" * 128
"""Longer than any name that ``make package`` gives: role, version, hash and processor."""

_CONTAINER = "1234567890123_0001_01_000001"
_CLUSTER_LOG = f"j-{'X' * 14}/containers/application_{_CONTAINER}/container_{_CONTAINER}/stderr.gz"
"""What EMR writes: its cluster's id, YARN's application and container."""

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
"""By place; all are ASCII."""


def longest_prefix(place: str) -> int:
    """The most bytes that the prefix of a place may have, its slash included.

    Places are the source, raw, lake, fleet_uri, package_uri, log_uri, and report: one worker's part
    of the fleet's place.
    """
    return LONGEST_KEY_BYTES - max(map(len, _LONGEST_KEYS.get(place, ("x",))))
