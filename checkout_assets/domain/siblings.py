"""Whether a folder's size is plausible beside the folders of its type and its last listing.

Orders are spread over the 256 folders of a type by their ids, so these folders are alike. One that
is far from the median lost or gained objects, which its own counts cannot show.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median

from checkout_assets.domain.folders import Folder
from checkout_assets.domain.reconciliation import FolderReason, FolderReconciled, Reason
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.words import ObjectKind

_FEWEST = 16
"""The minimum number of folders for a meaningful median."""
_FARTHEST = 12.0
"""The largest plausible distance from the median, in deviations.

The usual limit of this score is 3.5 (Iglewicz and Hoaglin, How to Detect and Handle Outliers,
1993), for a normal distribution. With a Pareto distribution, the heaviest usual tail, 1 of 10,000
folders is beyond 12 deviations.
"""
_SCALE = 1.4826
"""Standard deviation per median absolute deviation, for a normal distribution."""
_OTHER_SPREAD = 0.02
"""Deviation of 2 % that is allowed for other causes."""


def compared_with_siblings(
    folders: Sequence[FolderReconciled], listed_before: Mapping[str, int] | None = None
) -> list[FolderReconciled]:
    """The same folders; those unlike their siblings get UNLIKE_SIBLINGS as another cause.

    ``listed_before`` is the number of objects per folder in the source's previous listing.
    """
    told: dict[Folder, list[str]] = {}
    for order_type in OrderType:
        of_type = [each for each in folders if each.folder.order_type is order_type]
        for folder, sentence in _unlike(of_type, listed_before or {}):
            told.setdefault(folder, []).append(sentence)
    return [_with_cause(each, told.get(each.folder, [])) for each in folders]


def far_from_middle(
    values: Mapping[Folder, float], expected: Mapping[Folder, float]
) -> list[Folder]:
    """The folders whose value is implausibly far from the median, on a logarithmic scale.

    Values are positive. ``expected`` is the number of things that a folder's value should count:
    it varies by chance by its square root.
    """
    if len(values) < _FEWEST:
        return []
    logs = {folder: math.log(value) for folder, value in values.items()}
    middle = median(logs.values())
    spread = _SCALE * median(abs(each - middle) for each in logs.values())
    return [
        folder
        for folder, each in logs.items()
        if abs(each - middle) > _FARTHEST * max(spread, _chance(expected[folder]))
    ]


def _chance(count: float) -> float:
    """The standard deviation of a count's logarithm by chance; the count is at least 1."""
    return math.hypot(_OTHER_SPREAD, 1 / math.sqrt(count))


def _unlike(
    folders: Sequence[FolderReconciled], listed_before: Mapping[str, int]
) -> Iterable[tuple[Folder, str]]:
    known = {each.folder: each.copy for each in folders if each.copy.record is not None}
    objects = {folder: copy.facts.in_raw for folder, copy in known.items()}
    documents = {folder: copy.facts.kind(ObjectKind.DOCUMENT) for folder, copy in known.items()}
    size = {folder: copy.facts.total_bytes for folder, copy in known.items()}
    for what, values in (("objects", objects), ("documents", documents), ("bytes", size)):
        yield from _sizes(what, values, objects)
    yield from _growth(folders, listed_before)


def _sizes(
    what: str, values: Mapping[Folder, int], objects: Mapping[Folder, int]
) -> Iterable[tuple[Folder, str]]:
    positive = {folder: float(value) for folder, value in values.items() if value > 0}
    if not positive:
        return
    usual, middle = median(objects.values()), median(positive.values())
    for folder in far_from_middle(positive, dict.fromkeys(positive, max(usual, 1))):
        told = f"{values[folder]:,}, of its type's folders in the middle {middle:,.0f}"
        yield folder, f"{what} {told}"


def _growth(
    folders: Sequence[FolderReconciled], listed_before: Mapping[str, int]
) -> Iterable[tuple[Folder, str]]:
    """Of folders that were listed just now: an earlier listing says nothing about growth."""
    listed = {
        each.folder: (listed_before.get(each.folder.name), each.copy.listed)
        for each in folders
        if each.copy.listed_at is None
    }
    known = {folder: (before, now) for folder, (before, now) in listed.items() if before and now}
    ratios = {folder: now / before for folder, (before, now) in known.items()}
    for folder in far_from_middle(
        ratios, {each: float(before) for each, (before, _) in known.items()}
    ):
        before, now = known[folder]
        yield (
            folder,
            f"listed {now:,}, at the last time {before:,}, where its type's folders have in the "
            f"middle {median(ratios.values()):.2f} times as many as then",
        )


def _with_cause(folder: FolderReconciled, told: Sequence[str]) -> FolderReconciled:
    if not told:
        return folder
    cause = FolderReason(Reason.UNLIKE_SIBLINGS, len(told), "; ".join(told))
    return replace(folder, causes=(*folder.causes, cause))
