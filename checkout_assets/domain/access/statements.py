"""Single policy statements: their parts, which ones are ours, and when two are equal."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from checkout_assets.domain.instants import instant_of

Statement = Mapping[str, Any]
"""A statement as parsed JSON."""

SID_PREFIX = "CheckoutAssets"
_LONGEST_REQUESTER = 40
_NOT_IN_SID = re.compile(r"[^A-Za-z0-9]+")
_BY = "By"


def sid(name: str, requester: str = "") -> str:
    """Return the id of our statement: its name and the requester. Ids allow no punctuation."""
    words = _NOT_IN_SID.split(requester)
    whom = "".join(word[0].upper() + word[1:] for word in words if word)[:_LONGEST_REQUESTER]
    return f"{SID_PREFIX}{name}{_BY}{whom}" if whom else f"{SID_PREFIX}{name}"


def our_name(statement: Statement, names: Sequence[str]) -> str | None:
    """Return which of our statements it is, for any requester; None if it is not ours."""
    found = statement.get("Sid")
    if not isinstance(found, str):
        return None
    for name in names:
        if re.fullmatch(rf"{SID_PREFIX}{name}({_BY}[A-Za-z0-9]+)?", found):
            return name
    return None


def same(one: Statement, other: Statement) -> bool:
    """Whether both mean the same; S3 may rewrite a list of one item as the item."""
    return bool(_canonical(one) == _canonical(other))


def pretty(statement: Statement) -> str:
    """Format the statement for people."""
    return json.dumps(statement, indent=2)


def as_list(value: Any) -> list[Any]:
    """Return the value as a list: policies may write a list of one item without brackets."""
    return value if isinstance(value, list) else [value]


def ends_of(statement: Statement) -> list[datetime]:
    """Return the times at which the statement ends; skips values that are not times."""
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
