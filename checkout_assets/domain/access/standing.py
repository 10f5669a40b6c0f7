"""Read from a bucket's policy which grant made it."""

from collections.abc import Iterable
from dataclasses import replace

from checkout_assets.domain.access.bucket_policies import OUR_STATEMENTS
from checkout_assets.domain.access.policy_text import PolicyText
from checkout_assets.domain.access.statements import Statement, ends_of, our_name, same, sid
from checkout_assets.domain.access.terms import AccessTerms


def granted_terms(policy: PolicyText, terms: AccessTerms) -> AccessTerms | None:
    """The terms with the requester and the end that the policy's statements have.

    None if the policy holds no statement of ours. Statements without an end leave that of the
    terms.
    """
    ours = policy.ours
    if not ours:
        return None
    requester = next(map(_requester, ours)) or terms.requester
    ends = [end for each in ours for end in ends_of(each)]
    return replace(terms, requester=requester, expires=min(ends, default=terms.expires))


def differing(policy: PolicyText, wanted: Iterable[Statement]) -> list[str]:
    """The names of the wanted statements that the policy lacks or has otherwise."""
    held = {our_name(each, OUR_STATEMENTS): each for each in policy.ours}
    named = {our_name(each, OUR_STATEMENTS): each for each in wanted}
    return [
        sid(str(name))
        for name, each in named.items()
        if name not in held or not same(each, held[name])
    ]


def _requester(statement: Statement) -> str:
    """Who asked, as the statement's id has it."""
    name = our_name(statement, OUR_STATEMENTS)
    return str(statement["Sid"]).removeprefix(sid(str(name))).removeprefix("By")
