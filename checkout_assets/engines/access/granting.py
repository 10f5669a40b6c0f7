"""Grant and revoke: our statements in the buckets' policies, and the record in raw."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from checkout_assets.domain.access.bucket_policies import source_statements, target_statements
from checkout_assets.domain.access.grants import GrantRecord, Proof, granted
from checkout_assets.domain.access.policy_text import PolicyText
from checkout_assets.domain.access.statements import Statement, ends_of
from checkout_assets.domain.access.terms import AccessTerms
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.engines.access.bucket_policy import BucketPolicy, Edit, PolicyChange
from checkout_assets.engines.access.grant_record import keep_grant, replaceable_grant
from checkout_assets.engines.clock import Clock, WallClock
from spark_jobs.stores import Store

_UNKNOWN = "not recorded"


def wanted_statements(terms: AccessTerms) -> dict[str, list[Statement]]:
    """Return, by bucket, the statements of a grant."""
    wanted = {terms.source.bucket: source_statements(terms)}
    for bucket, statements in target_statements(terms).items():
        wanted[bucket] = [*wanted.get(bucket, []), *statements]
    return wanted


@dataclass(frozen=True, slots=True)
class Granter:
    """Changes the policies of the buckets; the source's bucket is the first."""

    policies: Mapping[str, BucketPolicy]
    raw: Store
    clock: Clock = field(default_factory=WallClock)

    def plan_grant(self, terms: AccessTerms) -> list[PolicyChange]:
        """Return what granting would change; nothing is written."""
        wanted = wanted_statements(terms)
        return [policy.change(_merge(wanted.get(b, ()))) for b, policy in self.policies.items()]

    def plan_revoke(self) -> list[PolicyChange]:
        """Return what revoking would change; nothing is written."""
        return [policy.change(PolicyText.without_ours) for policy in self.policies.values()]

    def grant(self, terms: AccessTerms, now: datetime) -> GrantRecord:
        """Write the policies and then the record, in place of any earlier grant.

        Raw and the lake are protected before the source is opened.
        """
        replaced = replaceable_grant(self.raw)
        kept = replaced.record
        wanted = wanted_statements(terms)
        changed = self._settle(
            (policy, _merge(wanted.get(bucket, ())))
            for bucket, policy in reversed(list(self.policies.items()))
        )
        grant = granted(terms.requester, now, terms.expires)
        if kept and not changed and _same_grant(kept, grant):
            return kept
        keep_grant(self.raw, grant, replaced)
        return grant

    def revoke(self, now: datetime, proof: Proof | None = None) -> GrantRecord | None:
        """Remove our statements and then write the record; None if nothing was ever granted.

        The source is closed first.
        """
        replaced = replaceable_grant(self.raw)
        source = next(iter(self.policies.values()))
        before = source.read()
        self._settle((policy, PolicyText.without_ours) for policy in self.policies.values())
        kept = replaced.record or _found(before, now)
        if kept is None:
            return None
        revoked = kept.revoked(now, proof)
        keep_grant(self.raw, revoked, replaced)
        return revoked

    def _settle(self, edits: Iterable[tuple[BucketPolicy, Edit]]) -> list[str]:
        """Make the edits in order; returns the buckets whose policies were written."""
        written: list[str] = []
        for policy, edit in edits:
            try:
                written += [policy.bucket] if policy.settle(edit, self.clock) else []
            except (UsageError, MigrationError) as error:
                if not written:
                    raise
                raise MigrationError(
                    f"{error} What was written before that stays ({', '.join(written)}). Fix this "
                    "and run the same command again."
                ) from None
        return written


def _merge(wanted: Sequence[Statement]) -> Edit:
    return lambda policy: policy.merged(wanted)


def _same_grant(one: GrantRecord, other: GrantRecord) -> bool:
    return (one.requester, one.expires, one.revoked_at) == (other.requester, other.expires, "")


def _found(policy: PolicyText, now: datetime) -> GrantRecord | None:
    """Rebuild the record of a grant from our statements, if it was never recorded."""
    ends = [end for each in policy.ours for end in ends_of(each)]
    return granted(_UNKNOWN, now, ends[0] if ends else now) if policy.ours else None
