"""Common parts of the partitioned assets: partition keys, owners, checks of a folder."""

import warnings
from collections.abc import Iterable
from typing import Any

import dagster as dg

from checkout_assets.domain.anomalies import Rule
from checkout_assets.domain.folders import FOLDER_NAMES

FOLDERS = dg.StaticPartitionsDefinition(list(FOLDER_NAMES))
"""512 keys in key order, so that all of them are one contiguous range of a backfill."""

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
