"""Single policy statements: what they are made of, which are ours, when two are equal."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from checkout_assets.domain.instants import instant_of

Statement = Mapping[str, Any]
"""A statement as JSON has it."""

SID_PREFIX = "CheckoutAssets"
_LONGEST_REQUESTER = 40
_NOT_IN_SID = re.compile(r"[^A-Za-z0-9]+")
_BY = "By"


def sid(name: str, requester: str = "") -> str:
    """The id of our statement of that name: what it does, and for whom. Ids take no punctuation."""
    words = _NOT_IN_SID.split(requester)
    whom = "".join(word[0].upper() + word[1:] for word in words if word)[:_LONGEST_REQUESTER]
    return f"{SID_PREFIX}{name}{_BY}{whom}" if whom else f"{SID_PREFIX}{name}"


def our_name(statement: Statement, names: Sequence[str]) -> str | None:
    """Which of our statements it is, whoever asked for it; None if it is not ours."""
    found = statement.get("Sid")
    if not isinstance(found, str):
        return None
    for name in names:
        if re.fullmatch(rf"{SID_PREFIX}{name}({_BY}[A-Za-z0-9]+)?", found):
            return name
    return None


def same(one: Statement, other: Statement) -> bool:
    """Whether they mean the same, however S3 has written them: a list of one may lose its list."""
    return bool(_canonical(one) == _canonical(other))


def pretty(statement: Statement) -> str:
    """The statement as people read it."""
    return json.dumps(statement, indent=2)


def as_list(value: Any) -> list[Any]:
    """Policies may leave a list of one without its brackets."""
    return value if isinstance(value, list) else [value]


def ends_of(statement: Statement) -> list[datetime]:
    """The instants at which the statement ends; what somebody wrote by hand may not be one."""
    before = statement.get("Condition", {}).get("DateLessThan", {})
    found = [instant_of(str(each)) for each in as_list(before.get("aws:CurrentTime", []))]
    return [end for end in found if end is not None]


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _canonical(each) for key, each in value.items()}
    return sorted(json.dumps(_canonical_item(each), sort_keys=True) for each in as_list(value))


def _canonical_item(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return _canonical(value) if isinstance(value, Mapping) else value
