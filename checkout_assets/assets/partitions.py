"""The partition key of every partitioned asset: the folder."""

import dagster as dg

from checkout_assets.domain.folders import FOLDER_NAMES

FOLDERS = dg.StaticPartitionsDefinition(list(FOLDER_NAMES))
"""512 keys in key order, so that all of them are one contiguous range of a backfill."""
