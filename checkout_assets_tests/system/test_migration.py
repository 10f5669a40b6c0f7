"""The whole migration by its engines, on the folders of the sample that have something wrong.

The flags are computed from the objects alone and must equal the generator's own list, for several
seeds and wherever an anomaly is put. The demo does the same for all 512 folders.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.domain.reconciliation import FolderReconciled, Reason
from checkout_assets.engines.copying.engine import CopyEngine
from checkout_assets.engines.reconciling.engine import Reconciler
from checkout_assets.engines.structuring.spark_engine import LocalSparkEngine
from checkout_assets.sample.anomalies import PLACEMENT, Anomaly
from checkout_assets.sample.hand_run import hand_run_faults, hand_run_leftovers
from checkout_assets.sample.source import (
    SampleObject,
    SampleOptions,
    expected_flags,
    folder_objects,
)
from checkout_assets.sample.upload import upload
from checkout_assets_tests.orders_place import DEEP, OrdersPlace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MOVED = {**PLACEMENT, Anomaly.NESTED_UNDER_ID: (Folder.parse("2F_CheckoutOrder"),)}
"""The junk of folder 86 put somewhere else."""

OPTIONS = {
    "the demo's": SampleOptions(documents=2_000, days=1),
    "another seed": SampleOptions(seed=8, documents=2_000, days=1),
    "one moved, a third seed": SampleOptions(seed=9, documents=2_000, days=1, placement=MOVED),
}


def chosen_folders(options: SampleOptions) -> tuple[Folder, ...]:
    """Every folder with an anomaly or a fault of the hand run, and some ordinary ones."""
    faults = hand_run_faults(options)
    names = {folder.name for folders in options.placement.values() for folder in folders}
    names |= faults.never_copied | set(faults.missing) | set(faults.stale)
    return select_folders([*names, "00_CheckoutOrder", "FF_FulfillmentOrder"])


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_flagged_folders_are_exactly_the_generators_own(
    place: OrdersPlace, spark: "SparkSession", options: SampleOptions
) -> None:
    folders = chosen_folders(options)
    faults = hand_run_faults(options)
    names = {folder.name for folder in folders}

    def of_these(objects: Iterator[SampleObject]) -> Iterator[SampleObject]:
        return (found for found in objects if found.key.partition("/")[0] in names)

    source = (found for folder in folders for found in folder_objects(options, folder))
    upload(source, place.source.open(), lambda _: None)
    upload(of_these(hand_run_leftovers(options)), place.raw.open(), lambda _: None)

    before = reconcile(place, folders)
    assert all(not each.ok for each in before.values()), "the hand run proved nothing"
    assert with_cause(before, Reason.FOLDER_MISSING) == faults.never_copied
    assert counted(before, Reason.OBJECTS_DIFFER) == faults.stale
    missing = {
        name: count
        for name, count in counted(before, Reason.OBJECTS_MISSING).items()
        if name not in faults.never_copied
    }
    assert missing == faults.missing

    copied = list(CopyEngine(place.source, place.raw).run(folders, "copy"))
    assert [each.error for each in copied if each.error] == []
    engine = LocalSparkEngine(place.raw, place.lake, lambda: spark)
    structured = list(engine.run(folders, "structure"))
    assert [each.error for each in structured if each.error] == []

    after = reconcile(place, folders)
    assert [each.error for each in after.values() if each.error] == []
    flagged = {
        check: frozenset(name for name, each in after.items() if check in each.flags)
        for check in expected_flags(options)
    }
    assert flagged == expected_flags(options)


def reconcile(place: OrdersPlace, folders: tuple[Folder, ...]) -> dict[str, FolderReconciled]:
    engine = Reconciler(place.source, place.raw, place.lake, DEEP)
    return {each.folder.name: each for each in engine.run(folders, "reconcile")}


def with_cause(results: dict[str, FolderReconciled], reason: Reason) -> frozenset[str]:
    return frozenset(counted(results, reason))


def counted(results: dict[str, FolderReconciled], reason: Reason) -> dict[str, int]:
    return {
        name: cause.count
        for name, each in results.items()
        for cause in each.causes
        if cause.reason is reason
    }
