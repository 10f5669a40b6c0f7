"""Whether the conditions of a statement hold for our requests: yes, no, or not known.

Operators and keys: AWS IAM user guide, "IAM JSON policy elements: Condition operators" and "AWS
global condition context keys". What is not listed here is not known.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checkout_assets.domain.access.coverage import covers_pattern
from checkout_assets.domain.access.statements import Statement, as_list

_IF_EXISTS = "ifexists"
_Compare = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of the requests of a role, by key in lower case; ``now`` as policies write it.

    All requests go over TLS, as Amazon's endpoints want.
    """

    role_arn: str
    now: str

    @property
    def account(self) -> str:
        """The role's account."""
        return self.role_arn.split(":")[4]

    @property
    def known(self) -> Mapping[str, str]:
        """The values of the keys that are known."""
        return {
            "aws:currenttime": self.now,
            "aws:principalaccount": self.account,
            "aws:principalarn": self.role_arn,
            "aws:principaltype": "AssumedRole",
            "aws:securetransport": "true",
            "kms:calleraccount": self.account,
        }


def conditions_hold(statement: Statement, given: Circumstances) -> bool | None:
    """Whether all conditions of the statement hold; None if that is not known."""
    found = [
        _holds(operator.lower(), given.known.get(key.lower()), as_list(values))
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    ]
    return all_hold(found)


def all_hold(found: Collection[bool | None]) -> bool | None:
    """Whether all of these are so; None if that is not known."""
    if False in found:
        return False
    return None if None in found else True


def names_principal(statement: Statement, given: Circumstances) -> bool | None:
    """Whether a statement of a resource's policy is about the role; None if that is not known."""
    if "Principal" not in statement:
        return None  # NotPrincipal
    principal = statement["Principal"]
    named = as_list(principal.get("AWS", [])) if isinstance(principal, Mapping) else [principal]
    account = given.account
    partition = given.role_arn.split(":")[1]
    roots = {"*", account, f"arn:{partition}:iam::{account}:root"}
    return any(each == given.role_arn or each in roots for each in map(str, named))


def _holds(operator: str, value: str | None, wanted: Sequence[Any]) -> bool | None:
    operator = operator.removesuffix(_IF_EXISTS)
    negated = operator.replace("not", "", 1)
    if value is None or negated not in _OPERATORS:
        return None
    texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in wanted]
    if any("${" in each for each in texts):
        return None
    found = _any(_OPERATORS[negated], value, texts)
    return found if negated == operator else not found


def _any(compare: _Compare, value: str, wanted: Iterable[str]) -> bool:
    return any(compare(value, each) for each in wanted)


_OPERATORS: Mapping[str, _Compare] = {
    "bool": lambda value, wanted: value.lower() == wanted.lower(),
    "stringequals": lambda value, wanted: value == wanted,
    "stringequalsignorecase": lambda value, wanted: value.lower() == wanted.lower(),
    "stringlike": lambda value, wanted: covers_pattern(wanted, value),
    "arnequals": lambda value, wanted: covers_pattern(wanted, value),
    "arnlike": lambda value, wanted: covers_pattern(wanted, value),
    # Instants in UTC compare as text.
    "datelessthan": lambda value, wanted: value < wanted,
    "datelessthanequals": lambda value, wanted: value <= wanted,
    "dategreaterthan": lambda value, wanted: value > wanted,
    "dategreaterthanequals": lambda value, wanted: value >= wanted,
}
