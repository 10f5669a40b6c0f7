"""What ``access`` prints: policies, their changes, and the state of access."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from checkout_assets.domain.access.grants import GrantRecord, told
from checkout_assets.domain.access.role_policies import ROLE_POLICIES, policy_document
from checkout_assets.domain.counting import in_number, of_folders
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.folders import ALL_FOLDERS

if TYPE_CHECKING:
    from checkout_assets.domain.access.terms import AccessTerms
    from checkout_assets.engines.access.bucket_policy import PolicyChange
    from checkout_assets.engines.access.status import AccessStatus, BucketSeen, Done

_STYLES = {"+": "green", "-": "red"}


def policies_document(terms: "AccessTerms") -> dict[str, Any]:
    """All policies in the form of S3 and IAM, by bucket and by role."""
    from checkout_assets.engines.access.granting import wanted_statements

    roles = {name: policy(terms) for name, policy in ROLE_POLICIES.items()}
    return {
        "expires": terms.expiry,
        "buckets": {
            bucket: policy_document(statements)
            for bucket, statements in wanted_statements(terms).items()
        },
        "roles": {
            name: policy_document(statements) for name, statements in roles.items() if statements
        },
    }


def policies_lines(terms: "AccessTerms") -> list[str]:
    """The same as text; each policy can be copied and pasted."""
    import json

    made = policies_document(terms)
    lines = [f"For {displayable(terms.requester)}, until {terms.expiry}."]
    for what, policies in (("Bucket", made["buckets"]), ("Policy of the", made["roles"])):
        for name, policy in policies.items():
            title = f"{what} {name.replace('_', ' ') if policies is made['roles'] else name}"
            lines += ["", f"{title}:", json.dumps(policy, indent=2)]
    return lines


def print_changes(changes: Sequence["PolicyChange"]) -> None:
    """Print the changes per bucket on standard output, coloured on a terminal."""
    from rich.console import Console
    from rich.text import Text

    console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
    for change in changes:
        console.print(Text(f"{change.bucket}: {_kept(change)}", "bold"))
        for line in change.lines:
            console.print(Text(line, _STYLES.get(line[:1], "")))


def changes_document(
    changes: Sequence["PolicyChange"], record: GrantRecord | None, written: bool
) -> tuple[bool, dict[str, Any]]:
    """Whether nothing is left to write, and the changes as JSON."""
    return written or not any(change.needed for change in changes), {
        "written": written,
        "grant": grant_document(record),
        "buckets": [
            {"bucket": each.bucket, "changes": each.needed, "difference": each.lines}
            for each in changes
        ],
    }


def grant_document(grant: GrantRecord | None) -> dict[str, Any] | None:
    """The grant's record as in raw, with displayable text."""
    if grant is None:
        return None
    return {
        "requester": displayable(grant.requester),
        "granted_at": grant.granted_at,
        "expires": grant.expires,
        "revoked_at": grant.revoked_at or None,
        "last_proof": str(grant.proof) if grant.proof else None,
    }


def status_lines(status: "AccessStatus", now: datetime) -> list[str]:
    """The state of access as text."""
    grant = status.grant
    lines = [f"The grant: {status.standing}."]
    if grant is not None:
        lines += [
            f"Requested by {displayable(grant.requester)}, granted on "
            f"{told(datetime.fromisoformat(grant.granted_at))}, until {told(grant.expires_at)}.",
            *([ended] if (ended := grant.ended(now)) else []),
        ]
    answers = "answers" if status.answers else "denies access to"
    lines.append(f"The source {answers} this principal.")
    return [*lines, *map(_bucket_line, status.buckets), *_done_lines(status.done)]


def _done_lines(done: "Done") -> list[str]:
    if done.unseen:
        return [f"What is copied and structured cannot be read from here: {done.unseen}."]
    folders = of_folders(done.copied, len(ALL_FOLDERS), " [is|are] copied")
    counted = f"By their records, {folders} and {done.structured:,} structured from that copy."
    if done.all:
        return [counted, "Nothing is left to copy: once reconcile proves it, no access is needed."]
    if len(done.cut_offs) > 1:
        counted += f" They were copied up to {len(done.cut_offs)} different cut-offs."
    return [counted, "Access is still needed for what is left."]


def status_document(status: "AccessStatus", now: datetime) -> dict[str, Any]:
    """The state of access as JSON."""
    return {
        "standing": status.standing.value,
        "grant": grant_document(status.grant),
        "ended": (status.grant.ended(now) if status.grant else "") or None,
        "source_answers": status.answers,
        "buckets": [
            {
                "bucket": each.bucket,
                "our_statements": [displayable(sid) for sid in each.ours],
                "other_statements": each.others,
                "not_seen": each.unseen or None,
            }
            for each in status.buckets
        ],
        "folders_copied": status.done.copied,
        "folders_structured": status.done.structured,
        "folders_not_seen": status.done.unseen or None,
        "needed": not status.done.all,
        "problems": status.problems,
    }


def _bucket_line(seen: "BucketSeen") -> str:
    if seen.unseen:
        return f"{seen.bucket}: its policy cannot be read from here. {seen.unseen}"
    ours = ", ".join(displayable(sid) for sid in seen.ours) or "none"
    return f"{seen.bucket}: our statements: {ours}; statements of others: {seen.others}."


def _kept(change: "PolicyChange") -> str:
    others = len(change.before.others)
    what = "changes as follows" if change.needed else "stays as it is"
    return f"{what}; {in_number(others, '# statement[|s] of others [stays|stay]')}."
