"""Parse JSON exactly as RFC 8259 says: literals as written, every duplicate key, in order.

The standard library's C scanner does the work. What it wrongly accepts is refused here: NaN and
Infinity, lone surrogates, and nesting deeper than 256.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, List, Tuple

import orjson

DEEPEST = 256
"""Most levels of nesting; deeper text counts as invalid JSON."""

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# For a text whose escaped backslashes are blanked, so that each backslash begins an escape.
_LONE_SURROGATE = re.compile(
    r"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD])[c-fC-F][0-9a-fA-F]{2})"
)
# An unterminated string extends to the end of the text, or each quote in it would be tried.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]|-?Infinity|NaN', re.DOTALL)
_COMMA = re.compile(r",[ \t\n\r]*")


class NotJsonError(Exception):
    """A text is not valid JSON: the rule it breaks, and the character offset."""

    def __init__(self, rule: str, position: int) -> None:
        super().__init__(rule, position)
        self.rule = rule
        self.position = position


class Number(str):
    """A number, as its literal."""

    __slots__ = ()


class Object:
    """An object's members in order, including duplicate keys."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: List[Tuple[str, Any]]) -> None:
        self.pairs = pairs


def _refuse(_constant: str) -> Any:
    raise NotJsonError("constant", 0)


_DECODER = json.JSONDecoder(
    object_pairs_hook=Object, parse_float=Number, parse_int=Number, parse_constant=_refuse
)


def parse(text: str) -> Any:
    """Parse a text: None, bool, str, Number, list or Object; raises NotJsonError."""
    if _SURROGATE.search(text) and _LONE_SURROGATE.search(text.replace("\\\\", "  ")):
        _refuse_lone_surrogates(text)
    try:
        value = _DECODER.decode(text)
    except NotJsonError:
        _refuse_depth(text)
        raise NotJsonError("constant", _place_of_constant(text)) from None
    except json.JSONDecodeError as error:
        _refuse_depth(text)
        raise NotJsonError("syntax", _first_wrong(text, error)) from None
    except RecursionError:
        _refuse_depth(text)
        raise
    if _may_be_too_deep(text) and _is_too_deep(value):  # the first check is nearly free
        _refuse_depth(text)
    return value


quoted: Callable[[str], str] = json.JSONEncoder(ensure_ascii=False).encode
"""Write a text as a JSON string."""


def is_surely_object(text: str) -> bool:
    """Whether a text is an object that ``parse`` accepts, without parsing it exactly.

    False is inconclusive. ``parse`` accepts what orjson accepts, unless it is too deep.
    """
    try:
        return type(orjson.loads(text)) is dict and not _may_be_too_deep(text)
    except ValueError:
        return False


def to_text(value: Any) -> str:
    """Write a parsed value as JSON text, without white space between tokens."""
    kind = type(value)
    if kind is Number:
        return str(value)
    if kind is Object:
        return "{" + ",".join(f"{quoted(k)}:{to_text(v)}" for k, v in value.pairs) + "}"
    if kind is list:
        return "[" + ",".join(map(to_text, value)) + "]"
    return quoted(value) if kind is str else json.dumps(value)


def _first_wrong(text: str, error: json.JSONDecodeError) -> int:
    """Return the offset of the first invalid character, the same in every Python version.

    From 3.13 on Python reports a trailing comma instead of the bracket after it.
    """
    comma = _COMMA.match(text, error.pos) if "trailing comma" in error.msg else None
    return comma.end() if comma else error.pos


def _may_be_too_deep(text: str) -> bool:
    return text.count("[") + text.count("{") > DEEPEST


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [item for item in level if type(item) is list or type(item) is Object]
        if not level:
            return False
        level = [child for item in level for child in _children(item)]
    return True


def _children(value: Any) -> List[Any]:
    return value if type(value) is list else [member for _, member in value.pairs]


def _refuse_depth(text: str) -> None:
    if not _may_be_too_deep(text):
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > DEEPEST:
                raise NotJsonError("depth", token.start())
        elif token[0] in "]}":
            depth -= 1


def _refuse_lone_surrogates(text: str) -> None:
    for escape in _ESCAPE.finditer(text):
        if escape["lone"]:
            raise NotJsonError("surrogate", escape.start())


def _place_of_constant(text: str) -> int:
    constants = (t.start() for t in _TOKEN.finditer(text) if t[0][-1] in "yN")
    return next(constants, 0)
