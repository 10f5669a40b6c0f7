"""The rule ``no_grant_outlives_its_need``: is the grant still needed? Over plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from checkout_assets.domain.access.grants import GrantRecord, GrantState, Proof, told
from checkout_assets.domain.anomalies import Finding, Severity
from checkout_assets.domain.counting import of_folders
from checkout_assets.domain.folders import ALL_FOLDERS

RULE = "no_grant_outlives_its_need"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One reconciliation: when, of how many folders, and against what.

    ``as_of`` is the one cut-off of all folders, or empty. ``last_listed`` is when the source was
    last listed for a copy. If not ``in_full``, only some of the folders were listed for it.
    """

    at: datetime
    folders: int
    complete: int
    objects: int
    with_source: bool
    as_of: str
    last_listed: datetime | None
    in_full: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether all 512 folders were found complete."""
        return self.folders == self.complete == len(ALL_FOLDERS)

    @property
    def proves(self) -> bool:
        """Whether all 512 folders are copied, structured and equal, against one cut-off.

        All of them were listed for it.
        """
        return self.is_whole and self.in_full and self.with_source and bool(self.as_of)

    def proof(self) -> Proof:
        """Return what is kept of it when access ends."""
        return Proof(self.at.isoformat(timespec="seconds"), self.as_of, self.complete, self.objects)


@dataclass(frozen=True, slots=True)
class Need:
    """The evidence for and against a grant.

    ``reachable`` says whether the source answers, whatever was recorded (None: not checked).
    ``history`` are the reconciliations, newest first. ``as_of`` is the cut-off that raw keeps.
    ``at_work`` are the ids of runs that copy or may copy.
    """

    grant: GrantRecord | None
    reachable: bool | None
    history: Sequence[Reconciled]
    as_of: str
    at_work: Sequence[str]
    now: datetime
    grace: timedelta

    @property
    def in_force(self) -> bool:
        """Whether somebody has access: the source's own answer takes precedence over the record."""
        if self.reachable is not None:
            return self.reachable
        return self.grant is not None and self.grant.standing(self.now) is GrantState.ACTIVE

    @property
    def telling(self) -> list[Reconciled]:
        """The history without inconclusive entries: complete ones that did not list all folders."""
        return [each for each in self.history if each.in_full or not each.is_whole]

    @property
    def proof(self) -> Reconciled | None:
        """The newest conclusive reconciliation, if it proves that the source is not needed."""
        newest = next(iter(self.telling), None)
        good = newest is not None and newest.proves and newest.as_of == self.as_of
        return newest if good else None

    @property
    def done_since(self) -> datetime | None:
        """The time since which all is proved without a gap; a later copy restarts it."""
        newest = self.proof
        if newest is None:
            return None
        since = newest.at
        for each in self.telling:
            if not each.proves or each.as_of != newest.as_of:
                break
            since = each.at
        later = [each.last_listed for each in self.history if each.at >= newest.at]
        return max([since, *(each for each in later if each is not None)])

    @property
    def over(self) -> bool:
        """Whether access is no longer needed, and the grace period has passed."""
        done = self.done_since
        return done is not None and not self.at_work and self.now - done >= self.grace


def judge_need(need: Need) -> Finding:
    """Nobody has access to a source that is copied, structured and proved, after the grace."""
    outlived = need.in_force and need.over
    return Finding(RULE, not outlived, Severity.ERROR, _summary(need))


def _summary(need: Need) -> str:
    if not need.in_force:
        ended = need.grant.ended(need.now) if need.grant else ""
        return ended or "Nobody has access to the source."
    until = ""
    if need.grant is not None and need.grant.standing(need.now) is GrantState.ACTIVE:
        until = f" (it ends by itself on {told(need.grant.expires_at)})"
    elif need.reachable:
        until = " (someone else granted us access: no active grant is recorded)"
    done = need.done_since
    if done is None:
        return f"Access to the source is still needed{until}: {_missing(need)}."
    if need.at_work:
        runs = ", ".join(need.at_work[:3])
        return f"Access to the source is in use{until}: active runs: {runs}."
    if need.over:
        return (
            f"All 512 folders are proved since {told(done)}, but the source is still open{until}. "
            "Revoke it: checkout-assets access revoke --yes, or the job revoke_access."
        )
    return (
        f"All 512 folders are proved since {told(done)}; the source stays open{until} until "
        f"{told(done + need.grace)}, when its revocation is proposed."
    )


def _missing(need: Need) -> str:
    newest = next(iter(need.telling), None)
    if newest is None:
        return "nothing was reconciled yet"
    if newest.folders < len(ALL_FOLDERS) or newest.complete < newest.folders:
        return of_folders(newest.complete, len(ALL_FOLDERS), " [was|were] complete")
    if not newest.with_source:
        return "the last reconciliation did not look at the source"
    if newest.as_of != need.as_of:
        return "the folders were not all copied up to the cut-off that raw keeps"
    return "the folders were copied up to different cut-offs"
