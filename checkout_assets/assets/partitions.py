"""Common parts of the partitioned assets: partition keys, owners, checks of a folder."""

import warnings
from collections.abc import Iterable
from typing import Any

import dagster as dg

from checkout_assets.domain.anomalies import Rule
from checkout_assets.domain.folders import FOLDER_NAMES

FOLDERS = dg.StaticPartitionsDefinition(list(FOLDER_NAMES))
"""512 keys in key order, so that all of them are one contiguous range of a backfill."""

_PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
"""The tags of a run over a range of partitions, both ends included."""

OWNERS = ["team:data-platform"]


def folder_checks(asset: dg.AssetKey, rules: Iterable[Rule[Any]]) -> list[dg.AssetCheckSpec]:
    """One check per rule, reported for each folder."""
    with warnings.catch_warnings():
        # Dagster calls partitioned checks a preview; its version is bound for that reason.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [
            dg.AssetCheckSpec(
                rule.name, asset=asset, partitions_def=FOLDERS, description=rule.description
            )
            for rule in rules
        ]


def partition_range_of(run: dg.DagsterRun) -> tuple[str, str] | None:
    """Return the first and the last partition that a run was asked for; None if it has none."""
    single = run.tags.get(_PARTITION)
    first, last = run.tags.get(RANGE_START, single), run.tags.get(RANGE_END, single)
    return (first, last) if first and last else None
