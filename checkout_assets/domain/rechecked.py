"""The checks of a folder as a reconciliation finds them, by its records and by listings.

A check is judged by a record when the folder is copied or structured. If a reconciliation finds
that this no longer holds, the check that stated it fails: that nothing is lost, or is there twice.
"""

from collections.abc import Sequence

from checkout_assets.domain.anomalies import (
    RAW_RULES,
    Finding,
    Severity,
    every_document_accounted_for,
    every_object_copied,
    no_source_key_twice,
)
from checkout_assets.domain.reconciliation import FolderReconciled, Reason, State

_OF_COPY = {
    Reason.SOURCE_IS_EMPTY,
    Reason.NO_DOCUMENTS,
    Reason.FOLDER_MISSING,
    Reason.OBJECTS_MISSING,
    Reason.OBJECTS_DIFFER,
    Reason.NOT_COPIED,
    Reason.MANIFEST_BROKEN,
    Reason.OTHER_SOURCE,
}
_OF_SOURCE_KEYS = {Reason.FILES_ORPHANED}
"""Readers of a table also read its orphaned files, and so their rows a second time."""
_OF_ANOTHER_CHECK = {
    *_OF_SOURCE_KEYS,
    Reason.SOURCE_KEYS_TWICE,
    Reason.QUARANTINE_SHARE_EXCEEDED,
    Reason.RESCUE_SHARE_EXCEEDED,
}
_OF_STRUCTURE = {
    each
    for each in Reason
    if each.state is State.RED and each not in {*_OF_COPY, *_OF_ANOTHER_CHECK, Reason.NOT_COMPARED}
}
_RAW_CHECKS = {rule.name for rule in RAW_RULES}


def raw_checks(folder: FolderReconciled) -> list[Finding]:
    """Return the checks of ``raw_orders``; none if the folder could not be compared."""
    found = [each for each in folder.findings if each.rule in _RAW_CHECKS]
    return _contradicted(folder, found, every_object_copied.__name__, _OF_COPY)


def structured_checks(folder: FolderReconciled) -> list[Finding]:
    """Return the checks of ``structured_orders``; none if the folder could not be compared."""
    found = [each for each in folder.findings if each.rule not in _RAW_CHECKS]
    found = _contradicted(folder, found, no_source_key_twice.__name__, _OF_SOURCE_KEYS)
    return _contradicted(folder, found, every_document_accounted_for.__name__, _OF_STRUCTURE)


def _contradicted(
    folder: FolderReconciled, found: Sequence[Finding], proof: str, contradicting: set[Reason]
) -> list[Finding]:
    """Return the findings; ``proof`` fails if a reason contradicts what it states."""
    if Reason.NOT_COMPARED in folder.reasons:
        return []
    causes = [each for each in folder.causes if each.reason in contradicting]
    if not causes:
        return list(found)
    told = f"{folder.folder}: {'; '.join(each.sentence for each in causes)}."
    failed = Finding(proof, False, Severity.ERROR, told, count=sum(each.count for each in causes))
    return [failed, *(each for each in found if each.rule != proof)]
