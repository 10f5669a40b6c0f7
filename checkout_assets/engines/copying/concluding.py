"""Finish one folder's copy: verify it by listing raw again, and write its completion record."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from checkout_assets.domain.counting import in_number
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.verification import Verdict
from checkout_assets.engines.copying.listings import raw_blocks
from checkout_assets.engines.copying.recorded import expected_in_raw
from checkout_assets.engines.copying.records import RecordFound, find_record
from checkout_assets.engines.copying.result import (
    FolderCopied,
    FolderNotCopiedError,
    explain_disagreement,
    explain_emptiness,
    explain_failures,
)
from checkout_assets.engines.copying.run import CopyRun
from checkout_assets.engines.copying.tally import Tally
from checkout_assets.engines.copying.verifying import verify
from spark_jobs.contract.completion import CompletionRecord, ManifestPart
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import completion_record_key
from spark_jobs.contract.words import ObjectKind, Status
from spark_jobs.stores import ConflictError


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Finishes one folder's copy.

    ``found`` is the earlier completion record, which the new one replaces. ``listed_at`` is when
    the listing began.
    """

    run: CopyRun
    folder: Folder
    found: RecordFound
    listed_at: datetime

    def of(self, tally: Tally, parts: list[ManifestPart], problems: Sequence[str]) -> FolderCopied:
        """Return the outcome: complete only if nothing failed, raw agrees and the record is kept.

        ``problems`` of earlier manifests become notes. Raises FolderNotCopiedError if another copy
        has written its record in the meantime.
        """
        return self._unfit(tally) or self._verified(tally, parts, problems)

    def _unfit(self, tally: Tally) -> FolderCopied | None:
        """Return the failure that is known without listing raw again, or None."""
        run, folder, facts = self.run, self.folder, tally.facts()
        if facts.status(Status.FAILED):
            error = explain_failures(folder, facts, tally.reasons)
            return FolderCopied(
                folder, facts, failures=tally.failures, error=error, failure=tally.failure
            )
        if not facts.kind(ObjectKind.DOCUMENT):
            recorded = self.found.record is not None
            error = explain_emptiness(folder, facts, run.source.uri, run.as_of, recorded)
            return FolderCopied(folder, facts, error=error, failure=Failure("NoDocuments"))
        return None

    def _verified(
        self, tally: Tally, parts: list[ManifestPart], problems: Sequence[str]
    ) -> FolderCopied:
        run, folder = self.run, self.folder
        facts = tally.facts(self._verify(run.copy_id, parts))
        if facts.unverified:
            error = explain_disagreement(folder, facts)
            return FolderCopied(folder, facts, error=error, failure=Failure("RawDiffers"))
        record = replace(
            tally.record(folder.name, run.copy_id, run.as_of, self.listed_at, parts, facts),
            run_id=run.run_id,
            source_uri=run.source.uri,
            raw_uri=run.raw.uri,
        )
        self._put(record)
        notes = [f"{folder}: {problem}." for problem in problems]
        return FolderCopied(folder, facts, record=record, notes=notes)

    def _verify(self, copy_id: str, parts: Sequence[ManifestPart]) -> Counter[Verdict]:
        """List raw again and compare it with the manifest, which is read back for this."""
        raw, folder = self.run.raw, self.folder
        expected = expected_in_raw(raw, folder.name, copy_id, parts)
        return verify(expected, raw_blocks(raw, f"{folder}/"))

    def _put(self, record: CompletionRecord) -> None:
        raw, name, etag = self.run.raw, self.folder.name, self.found.etag
        key = completion_record_key(name)
        try:
            raw.put(key, record.to_json(), if_match=etag, if_absent=etag is None)
        except ConflictError:
            raise FolderNotCopiedError(
                self._explain_defeat(find_record(raw, name)), Failure("Overtaken")
            ) from None

    def _explain_defeat(self, now: RecordFound) -> str:
        """Explain why this copy's record was not written, from the record that is there now."""
        if now.etag is None:
            return f"{self.folder}: the completion record was removed meanwhile. Copy it again."
        if now.record is None:
            return (
                f"{self.folder}: something else wrote the completion record meanwhile, and "
                f"{now.problem}. Copy it again."
            )
        whose = (
            f"{self.folder}: copy {now.record.copy_id}, listed at {now.record.listed_at}, finished "
            "this folder meanwhile and its record stands"
        )
        found = self._verify(now.record.copy_id, now.record.parts)
        differing = found[Verdict.DIFFER] + found[Verdict.MISSING_ON_RAW]
        if differing:
            return (
                f"{whose}, but "
                + in_number(
                    differing, "# object[|s] in raw [is|are] no longer what that record says. "
                )
                + "Copy the folder again."
            )
        return f"{whose}: raw holds what it says. Nothing is lost."
