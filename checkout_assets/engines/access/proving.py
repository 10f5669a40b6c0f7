"""What a reconciliation proves about the need for access."""

from collections.abc import Sequence
from datetime import UTC, datetime

from checkout_assets.domain.access.need import Reconciled
from checkout_assets.domain.folders import ALL_FOLDERS
from checkout_assets.domain.reconciliation import FolderReconciled, Summary
from checkout_assets.engines.access.options import AccessOptions


def reconciled(folders: Sequence[FolderReconciled], summary: Summary, at: datetime) -> Reconciled:
    """Return what a reconciliation of these folders proves."""
    records = [each.copy.record for each in folders if each.copy.record is not None]
    cut_offs = {_instant(record.as_of).isoformat() for record in records}
    listed = [_instant(record.listed_at) for record in records]
    return Reconciled(
        at=at,
        folders=summary.asked,
        complete=summary.complete,
        objects=summary.objects,
        with_source=bool(folders) and all(each.copy.listed is not None for each in folders),
        as_of=cut_offs.pop() if len(cut_offs) == 1 else "",
        last_listed=max(listed) if listed else None,
        in_full=all(each.copy.listed_at is None for each in folders),
    )


def prove(options: AccessOptions, run_id: str) -> Reconciled:
    """Compare source, raw and lake of all folders now; changes nothing."""
    from checkout_assets.engines.reconciling.places import reconciler_of

    at = datetime.now(UTC)
    engine = reconciler_of(options.source, options.raw, options.lake, at)
    folders = list(engine.run(ALL_FOLDERS, run_id))
    return reconciled(folders, Summary.of(folders), at)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
