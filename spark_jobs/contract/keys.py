"""Keys of all objects, relative to the root of raw or of the lake."""

from __future__ import annotations

import re
from datetime import date

from spark_jobs.contract.order_types import table_of

_TABLE_FILE = re.compile(
    r"consumable_tables/[^/]+/YEAR=(\d{4})/MONTH=(\d\d)/DAY=(\d\d)/[^/]+", re.ASCII
)

PROBES_IN_RAW, PROBES_IN_LAKE = "_manifests/_probe/", "_staging/_probe/"
"""Where a run tests whether conditional writes are honoured; no data is read from there."""

REPORTS = "_reports/"
"""The prefix of the reports of reconciliations in the lake; each is a page and a record."""


def completion_record_key(folder: str) -> str:
    """The key of a folder's completion record in raw."""
    return f"_manifests/{folder}/current.json"


def manifest_part_key(folder: str, copy_id: str, name: str) -> str:
    """The key of a part of a copy's manifest in raw."""
    return f"_manifests/{folder}/{copy_id}/{name}"


def publication_record_key(folder: str) -> str:
    """The key of a folder's publication record in the lake."""
    return f"_published/{folder}.json"


def staging_prefix(folder: str, run_id: str) -> str:
    """The prefix of a folder's staged files in the lake; ends in a slash."""
    return f"_staging/{folder}/{run_id}/"


def staged_key(folder: str, run_id: str, final_key: str) -> str:
    """The staged key of a file that will be published under ``final_key``."""
    return staging_prefix(folder, run_id) + final_key


def table_prefix(table: str) -> str:
    """The prefix of a table in the lake; ends in a slash."""
    return f"consumable_tables/{table}/"


def day_prefix(table: str, year: str, month: str, day: str) -> str:
    """The prefix of a day's files of a table; ends in a slash."""
    return f"{table_prefix(table)}YEAR={year}/MONTH={month}/DAY={day}/"


def table_file_key(folder: str, day: str, run_id: str, number: int) -> str:
    """The final key of a table file; ``day`` is ``YYYY-MM-DD``."""
    prefix = day_prefix(table_of(folder), *day.split("-"))
    return f"{prefix}{folder}.{run_id}.{number}.parquet"


def day_of_table_file(key: str) -> str:
    """The ``YYYY-MM-DD`` of a table file's final key; raises ValueError if it has no such day."""
    match = _TABLE_FILE.fullmatch(key)
    if match is None:
        raise ValueError("the key is not that of a file in a day's folder of a table")
    return date(*map(int, match.groups())).isoformat()


def quarantine_prefix(folder: str) -> str:
    """The prefix of a folder's quarantine files in the lake; ends in a slash."""
    return f"quarantine/{table_of(folder)}/{folder}/"


def quarantine_file_key(folder: str, run_id: str, number: int, part: int = 0) -> str:
    """The final key of a quarantine file: of a slice, or of one part if the slice was too large."""
    counted = f"{number}.{part}" if part else str(number)
    return f"{quarantine_prefix(folder)}{run_id}.{counted}.parquet"


def analysts_table_prefix(table: str) -> str:
    """Where an analysts' table, its data and its metadata lie in the lake; ends in a slash."""
    return f"orders/{table}/"


def compacted_prefix(table: str, month: str = "") -> str:
    """Where data files of an analysts' table lie, of one ``YYYY-MM`` or all; ends in a slash."""
    return f"{analysts_table_prefix(table)}data/" + (f"{month}/" if month else "")


def compacted_file_key(table: str, month: str, run_id: str, number: int) -> str:
    """The key of a data file of an analysts' table, of that ``YYYY-MM``."""
    return f"{compacted_prefix(table, month)}{run_id}.{number}.parquet"


def month_records_prefix(table: str) -> str:
    """Where an analysts' table says what its months were made from; ends in a slash."""
    return f"{analysts_table_prefix(table)}months/"


def month_record_key(table: str, month: str, digest: str) -> str:
    """Where an analysts' table says what a month was made from."""
    return f"{month_records_prefix(table)}{month}/{digest}.json"


def month_unit_name(table: str, month: str) -> str:
    """The name of a month of a table as a unit of work, such as ``checkout-2018-10``."""
    return f"{table}-{month}"


def month_plan_prefix(table: str) -> str:
    """Where the platform leaves the plans of a table's months for EMR steps; ends in a slash."""
    return f"{analysts_table_prefix(table)}plans/"


def month_plan_key(table: str, month: str, run_id: str) -> str:
    """The key of the plan that one attempt of an EMR step follows."""
    return f"{month_plan_prefix(table)}{run_id}/{month}.json"


def result_key(unit: str, run_id: str) -> str:
    """The key at which an EMR step leaves the result of a folder or a month in the lake."""
    return f"_results/{run_id}/{unit}.json"
