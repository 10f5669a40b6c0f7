"""Months of the analysts' tables that failed: one observation each, by which a schedule gives up.

An observation names the contents that were to be compacted. When a folder is structured again the
month has other contents, and earlier failures do not count.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from checkout_assets.engines.compacting.committing import MonthCompacted, MonthStatus

_ERROR, _CONTENTS, _TRANSIENT, _RUN = "error", "contents", "is_transient", "first_run"
_MOST_READ = 1000


def month_failure(
    key: dg.AssetKey, partition: str, ended: "MonthCompacted", first_run: str
) -> dg.AssetObservation:
    """Return the observation of a month that failed; repeated runs have the same ``first_run``."""
    failure = ended.failure
    return dg.AssetObservation(
        key,
        partition=partition,
        metadata={
            _ERROR: ended.error,
            _CONTENTS: _contents(ended),
            _TRANSIENT: failure is not None and failure.transient,
            _RUN: first_run,
        },
    )


def months_given_up(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    due: "Mapping[str, MonthStatus]",
    most_tries: int,
) -> set[str]:
    """Return the partitions that failed permanently, or in ``most_tries`` runs, as they are now."""
    contents = {partition: _contents(status) for partition, status in due.items()}
    failed_in: defaultdict[str, set[Any]] = defaultdict(set)
    permanent = set()
    for partition, stated in _failures(instance, key, contents):
        if stated.get(_CONTENTS) != contents[partition]:
            continue
        if not stated.get(_TRANSIENT):
            permanent.add(partition)
        failed_in[partition].add(stated.get(_RUN))
    return permanent | {each for each, runs in failed_in.items() if len(runs) >= most_tries}


def _failures(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Collection[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    if not partitions:
        return
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=sorted(partitions))
    for record in instance.fetch_observations(wanted, limit=_MOST_READ).records:
        event = record.event_log_entry.asset_observation
        if event is not None and event.partition is not None:
            yield event.partition, {name: each.value for name, each in event.metadata.items()}


def _contents(month: "MonthCompacted | MonthStatus") -> str:
    from checkout_assets.engines.compacting.month_changes import CONTENTS_VERSION

    return month.contents.digest(CONTENTS_VERSION)
