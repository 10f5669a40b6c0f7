"""Raw as the hand-run migration left it: most objects are there, the rest were lost unnoticed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.domain.keys import classify, was_escaped
from checkout_assets.sample.source import SampleObject, SampleOptions, folder_objects
from spark_jobs.contract.words import ObjectKind

NEVER_COPIED = tuple(
    map(Folder.parse, ("E9_FulfillmentOrder", "ED_FulfillmentOrder", "FA_FulfillmentOrder"))
)
MISSING_OBJECTS: Mapping[Folder, int] = MappingProxyType(
    {Folder.parse("07_CheckoutOrder"): 2, Folder.parse("9C_FulfillmentOrder"): 3}
)
STALE_OBJECTS: Mapping[Folder, int] = MappingProxyType(
    {Folder.parse("1F_CheckoutOrder"): 2, Folder.parse("6A_FulfillmentOrder"): 1}
)
RENAMED_OBJECTS: Mapping[Folder, int] = MappingProxyType(
    {Folder.parse("2E_CheckoutOrder"): 1, Folder.parse("B8_FulfillmentOrder"): 1}
)


@dataclass(frozen=True, slots=True)
class HandRunFaults:
    """The faults that a first reconciliation must find: folders, and objects by folder name."""

    never_copied: frozenset[str]
    missing: Mapping[str, int]
    stale: Mapping[str, int]


def hand_run_leftovers(options: SampleOptions) -> Iterator[SampleObject]:
    """The objects the hand-run migration left in raw, under the source's own keys."""
    for folder in ALL_FOLDERS:
        if folder in NEVER_COPIED:
            continue
        objects = _after_deletion(folder_objects(options, folder))
        documents = [o for o in objects if classify(o.key).kind is ObjectKind.DOCUMENT]
        lost = _first(documents, MISSING_OBJECTS.get(folder, 0))
        stale = _first(documents, STALE_OBJECTS.get(folder, 0))
        renamed = _first(documents, RENAMED_OBJECTS.get(folder, 0))
        for found in objects:
            if found.key in stale:
                yield replace(found, body=_another_of_the_same_size(found.body))
            elif found.key in renamed:
                yield replace(found, key=f"{found.key}.renamed")
            elif found.key not in lost:
                yield found


def hand_run_faults(options: SampleOptions) -> HandRunFaults:
    """The generator's own list; a name that needs escaping is missing under its safe key."""
    missing: dict[str, int] = {}
    stale: dict[str, int] = {}
    for folder in ALL_FOLDERS:
        if folder in NEVER_COPIED:
            continue
        objects = folder_objects(options, folder)
        documents = [o for o in objects if classify(o.key).kind is ObjectKind.DOCUMENT]
        count = len(_first(documents, MISSING_OBJECTS.get(folder, 0)))
        count += len(_first(documents, RENAMED_OBJECTS.get(folder, 0)))
        count += len(objects) - len(_after_deletion(objects))
        count += sum(was_escaped(o.key) for o in _after_deletion(objects))
        if count:
            missing[folder.name] = count
        if old := _first(documents, STALE_OBJECTS.get(folder, 0)):
            stale[folder.name] = len(old)
    return HandRunFaults(
        never_copied=frozenset(folder.name for folder in NEVER_COPIED),
        missing=missing,
        stale=stale,
    )


def _first(documents: list[SampleObject], count: int) -> set[str]:
    """Keys of the first documents, all but one: otherwise the whole folder would be lost."""
    return {o.key for o in documents[: min(count, len(documents) - 1)]}


def _after_deletion(objects: list[SampleObject]) -> list[SampleObject]:
    """The objects without one nested object, which somebody deleted by hand."""
    nested = [o.key for o in objects if classify(o.key).kind is ObjectKind.NESTED]
    return [o for o in objects if o.key not in nested[:1]]


def _another_of_the_same_size(body: bytes) -> bytes:
    """Other bytes of the same size, which a sync by size and time does not notice."""
    return body.replace(b"STABLE", b"stable", 1)
