"""The state of access: what the record says, what the buckets hold, and what is left to do."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from checkout_assets.domain.access.grants import GrantRecord, GrantState
from checkout_assets.domain.access.policy_text import PolicyText
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import ALL_FOLDERS
from checkout_assets.engines.access.bucket_policy import BucketPolicy
from checkout_assets.engines.access.grant_record import find_grant
from checkout_assets.engines.access.options import AccessOptions
from checkout_assets.engines.access.source_reach import source_answers
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.keys import completion_record_key, publication_record_key
from spark_jobs.contract.publication import PUBLISHED, PublicationRecord
from spark_jobs.contract.record_format import RecordError
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import Blob, Store, StoreError

R = TypeVar("R", CompletionRecord, PublicationRecord)


@dataclass(frozen=True, slots=True)
class BucketSeen:
    """A bucket's policy: the ids of our statements, the number of others, or why it is unknown."""

    bucket: str
    ours: Sequence[str] = ()
    others: int = 0
    unseen: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What the records say: folders copied, folders structured from that copy, their cut-offs.

    ``unseen`` says why nothing is known about them.
    """

    copied: int = 0
    structured: int = 0
    cut_offs: Sequence[str] = ()
    unseen: str = ""

    @property
    def all(self) -> bool:
        """Whether nothing is left to copy or structure, up to one cut-off."""
        return self.copied == self.structured == len(ALL_FOLDERS) and len(self.cut_offs) == 1


@dataclass(frozen=True, slots=True)
class AccessStatus:
    """Everything that ``access status`` shows; ``answers`` says whether we may list the source."""

    grant: GrantRecord | None
    standing: GrantState
    answers: bool
    buckets: Sequence[BucketSeen]
    done: Done

    @property
    def problems(self) -> list[str]:
        """What is not as it should be, one sentence each."""
        active = self.standing is GrantState.ACTIVE
        found = []
        if active and not any(each.ours for each in self.buckets):
            found.append(
                "A grant is recorded, but no bucket that can be read from here holds our "
                "statements: run checkout-assets access grant --yes."
            )
        if not active:
            found += [
                f"The bucket {each.bucket} still holds {len(each.ours)} of our statements: run "
                "checkout-assets access revoke --yes."
                for each in self.buckets
                if each.ours
            ]
        if not active and self.answers and self.grant is not None:
            found.append(
                "Access has ended, but the source still answers: a statement that someone else "
                "wrote allows us."
            )
        return found


def look_at_access(options: AccessOptions, now: datetime) -> AccessStatus:
    """Read the state of access; assumes no role in the source's account and changes nothing."""
    raw = options.raw.open()
    grant = find_grant(raw)
    return AccessStatus(
        grant=grant,
        standing=grant.standing(now) if grant else GrantState.NEVER,
        answers=source_answers(options.source),
        buckets=[_seen(each) for each in options.policies(as_granter=False).values()],
        done=_done(raw, options.lake.open()),
    )


def _seen(policy: BucketPolicy) -> BucketSeen:
    try:
        found: PolicyText = policy.read()
        ours = [str(each["Sid"]) for each in found.ours]
        return BucketSeen(policy.bucket, ours, len(found.others))
    except (UsageError, MigrationError) as error:
        return BucketSeen(policy.bucket, unseen=str(error))


def _done(raw: Store, lake: Store) -> Done:
    names = [folder.name for folder in ALL_FOLDERS]
    try:
        copied = _records(raw, map(completion_record_key, names), CompletionRecord.from_json)
        published = _records(lake, map(publication_record_key, names), PublicationRecord.from_json)
    except StoreError as error:
        return Done(unseen=meaning_of(error.code, "S3 answers {code}"))
    copied = {name: each for name, each in copied.items() if each.documents}
    structured = [
        each
        for name, each in published.items()
        if each.state == PUBLISHED and name in copied and each.copy_id == copied[name].copy_id
    ]
    cut_offs = sorted({each.as_of for each in copied.values()})
    return Done(len(copied), len(structured), cut_offs)


def _records(store: Store, keys: Iterable[str], parse: Callable[[bytes], R]) -> dict[str, R]:
    """Return the records by folder; skips missing and broken ones, raises for a denied one."""
    wanted = set(keys)
    below = min(wanted).partition("/")[0]
    there = [entry.key for entry in store.list(f"{below}/") if entry.key in wanted]
    found = {}
    for _, read in store.read_many(there):
        if not isinstance(read, Blob):
            raise read
        try:
            record = parse(read.data)
        except RecordError:
            continue
        found[record.folder] = record
    return found
