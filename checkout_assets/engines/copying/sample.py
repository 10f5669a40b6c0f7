"""The objects that a canary copies: one of each kind among the first objects of a folder.

Host and worker choose by the same rule, so that nothing needs to name objects to an instance.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import ARCHIVED, SourceObject
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.keys import classify, safe_key
from spark_jobs.contract.raw_keys import place_in_order
from spark_jobs.contract.words import ObjectKind

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

LARGEST_SAMPLED = 64 * 1024**2
"""Largest size in bytes of a chosen object, which limits what a canary costs."""

MOST_LOOKED_AT = 2_000
"""Objects of the folder from which the sample is chosen."""

_MOST_ASKED = 200
"""Objects whose tags are requested: a listing does not show them."""


class SampleKind(StrEnum):
    """What is special about an object of the sample."""

    ORDINARY = "ordinary"
    """A document that was uploaded in one request and has no tags."""
    TAGGED = "tagged"
    MULTIPART = "multipart"
    """Uploaded in parts, so that its entity tag is not an MD5."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The chosen objects by kind; ``looked_at`` is the number of objects to choose from."""

    chosen: Mapping[SampleKind, SourceObject]
    looked_at: int

    @property
    def lacking(self) -> Sequence[SampleKind]:
        """The kinds that the folder's first objects lack."""
        return [kind for kind in SampleKind if kind not in self.chosen]


def choose_sample(source: "S3Store", folder: Folder) -> Sample:
    """Choose the first object of each kind; raises StoreError.

    Archived objects and those above LARGEST_SAMPLED are left out.
    """
    entries = chain.from_iterable(page.entries() for page in source.pages(f"{folder}/", ahead=1))
    listed = [SourceObject._make(entry) for entry in islice(entries, MOST_LOOKED_AT)]
    usable = [
        each
        for each in listed
        if each.size <= LARGEST_SAMPLED and each.storage_class not in ARCHIVED
    ]
    multipart = [each for each in usable if "-" in each.etag]
    whole = [each for each in usable if "-" not in each.etag]
    chosen = _by_tags(source, whole[:_MOST_ASKED])
    if multipart:
        chosen[SampleKind.MULTIPART] = multipart[0]
    return Sample(chosen, len(listed))


def list_sample(
    source: "S3Store", folder: Folder, raw_prefix: str
) -> Iterator[tuple[str, SourceObject]]:
    """Yield the sample as ``list_source`` yields a folder: by the places of its keys in raw."""
    chosen = choose_sample(source, folder).chosen.values()
    yield from sorted((place_in_order(safe_key(each.key, raw_prefix)), each) for each in chosen)


def _by_tags(source: "S3Store", objects: Sequence[SourceObject]) -> dict[SampleKind, SourceObject]:
    """Return the first tagged object and the first document without tags."""
    found: dict[SampleKind, SourceObject] = {}
    for each in objects:
        if source.tags(each.key):
            found.setdefault(SampleKind.TAGGED, each)
        elif classify(each.key).kind is ObjectKind.DOCUMENT:
            found.setdefault(SampleKind.ORDINARY, each)
        if SampleKind.TAGGED in found and SampleKind.ORDINARY in found:
            break
    return found
