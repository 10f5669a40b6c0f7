"""A second implementation of conforming, written from the rules and not from the code.

Slow and plain on purpose: a recursive descent parser that remembers source text, then one pass
that removes, one that converts. It shares nothing with the conforming but the schema's lists.
"""

import base64
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from urllib.parse import unquote

from spark_jobs.schema import data_columns
from spark_jobs.schema.card_issuers import ISSUERS
from spark_jobs.schema.redacted_names import (
    LINKS,
    NAMING_KEYS,
    PAIR_OF,
    SHAPES,
    VALUE_KEYS,
    WORDS,
    Meaning,
)
from spark_jobs.schema.types import Array, Primitive, Struct, TextMap, Type

Steps = tuple[str | int, ...]

ALSO_IN_TEXT = '{["'
MEANT_AS_JSON = ALSO_IN_TEXT + " \t\n\r\ufeff\u200b\xa0\x0b\x0c\0'`(<?&%\\"
BLANKS = " \t\n\r\x0b\x0c"
CARD_WORDS = ("card", "cartao", "cartoes", "tarjeta", "cvv", "cvc", "ccv")
PLACES = {
    "itemmetadata items assemblyoptions",
    "ratesandbenefitsdata rateandbenefitsidentifiers matchedparameters",
    "ratesandbenefitsdata rateandbenefitsidentifiers additionalinfo",
    "customdata customapps fields cart-extra-context",
}


class NoJsonError(Exception):
    """The text is none."""


@dataclass
class Num:
    """A number as it is written."""

    literal: str


@dataclass
class Arr:
    """An array, and its text and no places if nothing was removed from it."""

    items: list[Any]
    text: str | None
    places: list[int] | None = None


@dataclass
class Obj:
    """An object with all its members, and its text if nothing was removed from it."""

    pairs: list[tuple[str, Any]]
    text: str | None


@dataclass
class Cut:
    """A text from which something was removed: what it means, its white space left open."""

    value: Any


class Dropped(str):
    """What stands for a text that named card data and could not be read."""


@dataclass
class Rejection:
    """A document that is not an order."""

    reason: str


@dataclass
class Expected:
    """What the row of a document must be."""

    day: str
    values: dict[str, Any] = field(default_factory=dict)
    rescued: list[tuple[str, Any]] = field(default_factory=list)
    redacted: Counter[str] = field(default_factory=Counter)
    cleaned: Counter[str] = field(default_factory=Counter)
    emptied: int = 0
    dated_by_creation: bool = False


class Parser:
    """RFC 8259, one method per production."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def whole(self) -> Any:
        value = self.value(0)
        self.white()
        if self.at != len(self.text):
            raise NoJsonError
        return value

    def white(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t\n\r":
            self.at += 1

    def next(self) -> str:
        self.white()
        if self.at == len(self.text):
            raise NoJsonError
        return self.text[self.at]

    def take(self, pattern: str) -> str | None:
        match = re.compile(pattern).match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def value(self, depth: int) -> Any:
        first = self.next()
        if first in "{[" and depth == 256:
            raise NoJsonError
        if first == "{":
            return self.object(depth + 1)
        if first == "[":
            return self.array(depth + 1)
        if first == '"':
            return self.string()
        word = self.take(r"true|false|null")
        if word is not None:
            return {"true": True, "false": False, "null": None}[word]
        literal = self.take(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
        if literal is None:
            raise NoJsonError
        return Num(literal)

    def object(self, depth: int) -> Obj:
        start, self.at = self.at, self.at + 1
        pairs: list[tuple[str, Any]] = []
        if self.next() == "}":
            self.at += 1
            return Obj(pairs, self.text[start : self.at])
        while True:
            if self.next() != '"':
                raise NoJsonError
            key = self.string()
            if self.next() != ":":
                raise NoJsonError
            self.at += 1
            pairs.append((key, self.value(depth)))
            if self.goes_on("}"):
                continue
            return Obj(pairs, self.text[start : self.at])

    def array(self, depth: int) -> Arr:
        start, self.at = self.at, self.at + 1
        items: list[Any] = []
        if self.next() == "]":
            self.at += 1
            return Arr(items, self.text[start : self.at])
        while True:
            items.append(self.value(depth))
            if self.goes_on("]"):
                continue
            return Arr(items, self.text[start : self.at])

    def goes_on(self, end: str) -> bool:
        mark = self.next()
        if mark not in ("," + end):
            raise NoJsonError
        self.at += 1
        return mark == ","

    def string(self) -> str:
        pieces: list[str] = []
        self.at += 1
        while True:
            plain = self.take(r'[^"\\\x00-\x1f]+')
            if plain is not None:
                pieces.append(plain)
            elif self.take('"') is not None:
                return "".join(pieces)
            else:
                pieces.append(self.escape())

    def escape(self) -> str:
        simple = self.take(r'\\["\\/bfnrt]')
        if simple is not None:
            return {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}.get(simple[1], simple[1])
        pair = self.take(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
        if pair is not None:
            return bytes.fromhex(pair[2:6] + pair[8:]).decode("utf-16-be")
        unit = self.take(r"\\u[0-9a-fA-F]{4}")
        if unit is None or (unit[2:].lower() >= "d800" and unit[2:].lower() <= "dfff"):
            raise NoJsonError
        return chr(int(unit[2:], 16))


def parse(text: str) -> Any:
    """The value of a text; raises NoJsonError."""
    return Parser(text).whole()


def parsed_or_none(text: str) -> Any:
    """What a text holds if it is JSON that may hold members: object, array or text, else None."""
    if text.lstrip(" \t\n\r")[:1] not in tuple(ALSO_IN_TEXT):
        return None
    try:
        return parse(text)
    except NoJsonError:
        return None


def plain(text: str) -> str:
    """Lower case, no accents, the word for the sign of a number."""
    for sign in ("n\xba", "N\xba", "n\xb0", "N\xb0", "\u2116"):
        text = text.replace(sign, "numero")
    return "".join(
        c for c in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(c)
    )


def unescaped(text: str) -> str:
    """The text without the escapes of letters, those of log files and URLs included."""
    escape = r"(?i)\\+(?:u(0[03][0-9a-f]{2})|x([0-9a-f]{2}))"
    text = re.sub(escape, lambda m: chr(int(m[1] or m[2], 16)), text)
    return unquote(unquote(unquote(text)))


def folded(text: str) -> str:
    return re.sub("[^a-z0-9]", "", plain(unescaped(text)))


def fits(words: Sequence[str], text: str) -> bool:
    """Whether a folded text is these words of a shape in order, linked or not, and two digits."""
    if not words:
        return re.fullmatch("[0-9]{0,2}", text) is not None
    choices = [choice.replace(" ", "") for choice in WORDS.get(words[0], (words[0],))]
    rests = [text[len(choice) :] for choice in choices if text.startswith(choice)]
    return any(linked(words[1:], rest) for rest in rests)


def linked(words: Sequence[str], text: str) -> bool:
    if fits(words, text):
        return True
    return bool(words) and any(
        linked(words, text[len(link) :]) for link in LINKS if text.startswith(link)
    )


@cache
def meaning(name: str) -> Meaning | None:
    """The first meaning that has a shape which a name fits."""
    if len(name) > 384 or len(unescaped(name)) > 64:
        return None
    for found, shapes in SHAPES.items():
        if any(fits(shape.split(), folded(name)) for shape in shapes):
            return found
    if re.search("cvv|securitycode|codigo(de)?segur", folded(name)):
        return Meaning.MENTIONS_CODE
    return None


def meaning_at(name: str, keys: list[str]) -> Meaning | None:
    """What a name means below these keys: ``holder`` below ``card`` is a card's holder."""
    said = meaning(name)
    if said != Meaning.CARD_DATA and keys and meaning(keys[-1]) == Meaning.CARD:
        return meaning("card" + name) or said
    if said != Meaning.CARD_DATA and keys and meaning(keys[-1]) == Meaning.MAYBE_HOLDER:
        return meaning("holder" + name) or said
    of_values = (Meaning.MAYBE_NUMBER, Meaning.MAYBE_CODE, Meaning.MAYBE_EXPIRY)
    if said is None and keys and meaning(keys[-1]) in (*of_values, Meaning.MENTIONS_CODE):
        return meaning(keys[-1]) if is_of_pair(name, VALUE_KEYS) else None
    return said


def digits_in(value: Any) -> list[str]:
    """The digits of a scalar, or of each scalar of a list, where hardly anything else is in it."""
    if isinstance(value, Arr):
        return [found for item in value.items for found in digits_in(item)]
    text = value.literal if isinstance(value, Num) else value
    if not isinstance(text, str):
        return []
    inner = parsed_or_none(text)
    if inner is not None:
        return digits_in(inner)
    if not re.fullmatch(r"[0-9]([ ._/-]?[0-9])*", text.strip(" \t\n\r\x0b\x0c\"'")):
        return []
    return [re.sub("[^0-9]", "", text)]


def mentions_card(name: str, above: list[str]) -> bool:
    """Whether a name has more to do with a card than the shapes know, or stands in such a one."""

    def says_it(text: str) -> bool:
        other = any(word in text for word in ("gift", "presente", "regalo", "vale", "isspecial"))
        card = any(word in text for word in ("card", "cartao", "cartoes", "tarjeta"))
        return card and not other and len(name) <= 384 and len(unescaped(name)) <= 64

    if meaning(name):
        return False
    outer = above[-1] if above else ""
    if says_it(folded(name)):
        return True
    if meaning(outer) == Meaning.CARD:
        return says_it("card" + folded(name))
    if meaning(outer) == Meaning.MAYBE_NUMBER:
        return True
    return bool(outer) and not meaning(outer) and says_it(folded(outer))


def is_issued(value: Any) -> bool:
    """Whether a scalar, or one of a list, is a card number with its check digit."""
    if isinstance(value, Arr):
        return any(map(is_issued, value.items))
    if isinstance(value, str) and parsed_or_none(value) is not None:
        return is_issued(parsed_or_none(value))
    text = value.literal if isinstance(value, Num) else value
    digits = re.sub(r"[\s\"'._/-]", "", text) if isinstance(text, str) else ""
    if not re.fullmatch("[0-9]{13,19}", digits):
        return False
    if not any(len(digits) in n and re.match(first, digits) for first, n in ISSUERS.values()):
        return False
    luhn = [int(d) for d in digits[::-1]]
    if (sum(luhn[::2]) + sum(sum(divmod(2 * d, 10)) for d in luhn[1::2])) % 10:
        return False
    article = (
        len(digits) == 13 and not sum(int(d) * (1, 3)[i % 2] for i, d in enumerate(digits)) % 10
    )
    return not article


def is_code(value: Any) -> bool:
    """Whether a scalar, or one of a list, is three or four digits."""
    if isinstance(value, Arr):
        return any(map(is_code, value.items))
    if isinstance(value, str) and parsed_or_none(value) is not None:
        return is_code(parsed_or_none(value))
    text = value.literal if isinstance(value, Num) else value
    return isinstance(text, str) and bool(re.fullmatch("[0-9]{3,4}", text.strip(BLANKS + "\"'")))


def is_expiry(value: Any) -> bool:
    if isinstance(value, Arr):
        return any(map(is_expiry, value.items))
    if isinstance(value, str) and parsed_or_none(value) is not None:
        return is_expiry(parsed_or_none(value))
    text = value.literal if isinstance(value, Num) else value
    if not isinstance(text, str):
        return False
    return any(
        re.fullmatch(pattern, text.strip(BLANKS + "\"'"))
        for pattern in (
            r"(0?[1-9]|1[0-2])[ ./-]{0,3}(20)?[0-9]{2}",
            r"20[0-9]{2}[ ./-]{0,3}(0[1-9]|1[0-2])",
        )
    )


class Remover:
    """Cleanings and redaction: gives values without what must go."""

    def __init__(self) -> None:
        self.redacted: Counter[str] = Counter()
        self.cleaned: Counter[str] = Counter()

    def goes(self, key: str, value: Any, above: Steps, named: list[str], is_card: bool) -> bool:
        name = key.lower()
        keys = [step.lower() for step in above if isinstance(step, str)]
        in_payments = meaning(key) == Meaning.PAYMENTS and not readable_payments(value)
        own_value = meaning(key) in (None, Meaning.MENTIONS_CODE) and is_value(
            key, any(meaning(k) == Meaning.PAYMENTS for k in keys) or mentions_card(key, keys)
        )
        if self.is_card_data(key, value, above) or in_payments or own_value:
            self.redacted[pointer((*above, key), star=True)] += 1
            return True
        if "attachment" in name or " ".join([*keys, name]) in PLACES:
            self.cleaned[pointer((*above, key), star=True).lower()] += 1
            return True
        if mentions_card(key, keys) and is_issued(value):
            self.redacted[pointer((*above, key), star=True)] += 1
            return True
        below_payments = any(meaning(k) == Meaning.PAYMENTS for k in keys)
        in_card = is_card and self.is_card_data(key, value, (*above, "payments", "card"))
        if in_card or ((below_payments or is_card) and holds_number(value)):
            self.redacted[pointer((*above, key), star=True)] += 1
            return True
        if named and is_of_pair(key, VALUE_KEYS):
            about_card = mentions_card(named[0], keys) and is_issued(value)
            unclear = meaning(named[0]) in (None, Meaning.MENTIONS_CODE)
            about_card = about_card or (unclear and is_value(named[0], may_be_number=True))
            if about_card or self.is_card_data(named[0], value, above):
                self.redacted[pointer((*above, named[0]), star=True)] += 1
                return True
        return False

    def is_card_data(self, name: str, value: Any, above: Steps) -> bool:  # noqa: PLR0911
        keys = [step for step in above if isinstance(step, str)]
        said = meaning_at(name, keys)
        below_payments = any(meaning(step) == Meaning.PAYMENTS for step in keys)
        number = any(12 <= len(found) <= 19 for found in digits_in(value))
        if said == Meaning.CARD and below_payments:
            opens = isinstance(value, str) and value.lstrip()[:1] in ("{", "[")
            text = value.literal if isinstance(value, Num) else value
            holds = isinstance(text, str) and re.search("[0-9]([ ._/-]?[0-9]){11}", text)
            return isinstance(value, (Obj, Arr)) or opens or bool(holds)
        if said == Meaning.BILLING_ADDRESS:
            return below_payments
        if said == Meaning.BARE_NUMBER:
            return below_payments and number
        if said in (Meaning.MAYBE_CODE, Meaning.MENTIONS_CODE):
            return is_code(value) or (said == Meaning.MAYBE_CODE and (below_payments or number))
        if said == Meaning.MAYBE_EXPIRY:
            return below_payments or number or is_expiry(value)
        if said in (Meaning.CARD, Meaning.MAYBE_NUMBER, Meaning.MAYBE_HOLDER):
            return below_payments or number
        return said == Meaning.CARD_DATA

    def clean(self, value: Any, steps: Steps) -> Any:
        if isinstance(value, str):
            return self.clean_text(value, steps)
        if isinstance(value, Arr):
            named_places = self.named_items(value.items, steps)
            places = [i for i in range(len(value.items)) if i not in named_places]
            kept = [self.clean(value.items[i], (*steps, i)) for i in places]
            same = len(kept) == len(value.items) and all(map(intact, kept))
            return Arr(kept, value.text if same else None, None if same else places)
        if isinstance(value, Obj):
            named = []
            if steps:
                sure, maybe = names_given(value)
                named = sure or names_listed(value) or maybe or names_mentioned(value)
            is_card = bool(steps) and holds_card(value)
            pairs = [
                (key, self.clean(member, (*steps, key)))
                for key, member in value.pairs
                if not self.goes(key, member, steps, named, is_card)
            ]
            same = len(pairs) == len(value.pairs) and all(intact(v) for _, v in pairs)
            return Obj(pairs, value.text if same else None)
        return value

    def named_items(self, items: list[Any], steps: Steps) -> set[int]:
        """The places of what another item of the list tells to be card data."""
        named = set()
        for i in range(1, len(items)):
            names = [*self.before(items, i, steps), *self.on_top(items, i, steps)]
            if names:
                named.add(i)
                self.redacted[pointer((*steps, names[0]), star=True)] += 1
        return named

    def before(self, items: list[Any], i: int, steps: Steps) -> list[str]:
        """The names that the item before an item gives it."""
        before, item = items[i - 1], items[i]
        if isinstance(before, Obj) and isinstance(item, Obj):
            return []
        told = [n for n in named_in(before, 0) if self.tells(n, item, steps, len(items) == 2)]
        inside = parsed_or_none(before) if isinstance(before, str) else before
        mentioned = texts_and_keys(inside, 4) if is_issued(item) else []
        return told + [name for name in mentioned if may_be_card_data(name)]

    def tells(self, name: str, item: Any, steps: Steps, is_pair: bool) -> bool:
        said = meaning_at(name, [step for step in steps if isinstance(step, str)])
        if said in (Meaning.PAYMENTS, Meaning.BILLING_ADDRESS):
            return False
        if said != Meaning.CARD_DATA:
            return self.is_told_by(name, item, steps)
        return has_data(item) or (is_pair and isinstance(item, str) and is_no_name(item))

    def on_top(self, items: list[Any], i: int, steps: Steps) -> list[str]:
        """The names on top of the columns in which an item, a row, has card data."""
        head, row = cells(items[0]), cells(items[i])
        keys = [step for step in steps if isinstance(step, str)]
        if any(not isinstance(c, (str, Obj)) or re.search("[0-9]{3}", str(c)) for c in head):
            return []
        found = []
        for cell, below in zip(head, row, strict=False):
            for name in named_in(cell, 0):
                if meaning_at(name, keys) == Meaning.CARD_DATA:
                    text = below.literal if isinstance(below, Num) else below
                    goes = isinstance(text, str) and is_column_data(text)
                else:
                    goes = self.tells(name, below, steps, is_pair=False)
                found += [name] if goes else []
        return found or lines_on_top(items[0], items[i])

    def is_told_by(self, before: str, item: Any, steps: Steps) -> bool:
        """Whether an ambiguous name before an item and the item itself make it card data."""
        keys = [step for step in steps if isinstance(step, str)]
        if mentions_card(before, keys):
            return is_issued(item)
        if meaning_at(before, keys) is None:
            return False
        outside = tuple(key for key in keys if meaning(key) != Meaning.PAYMENTS)
        below = len(outside) < len(keys)
        if meaning(before) == Meaning.CARD or meaning(before) == Meaning.BARE_NUMBER:
            return self.is_card_data(before, item, steps)
        number = any(12 <= len(found) <= 19 for found in digits_in(item))
        return self.is_card_data(before, item, outside[-1:]) or (below and number)

    def clean_text(self, value: str, steps: Steps) -> Any:
        inner = parsed_or_none(value)
        if inner is not None:
            kept = self.clean(inner, steps)
            return value if intact(kept) else Cut(kept)
        if is_json(value) or not names_card_data(value):
            return value
        self.redacted[pointer(steps, star=True)] += 1
        return Dropped(f"? ({len(value)} characters)")


def is_no_name(text: str) -> bool:
    return meaning(text) in (None, Meaning.MENTIONS_CODE)


def may_be_card_data(name: str) -> bool:
    others = (None, Meaning.PAYMENTS, Meaning.BILLING_ADDRESS)
    return meaning(name) not in others or mentions_card(name, [])


def has_data(value: Any) -> bool:
    """Whether a value, or one in a list or under a key for values, has digits and is no name."""
    if isinstance(value, Arr):
        return any(map(has_data, value.items))
    if isinstance(value, Obj):
        return any(is_of_pair(k, VALUE_KEYS) and has_data(v) for k, v in value.pairs)
    return isinstance(value, Num) or (
        isinstance(value, str) and any(c in "0123456789" for c in value) and is_no_name(value)
    )


def is_column_data(text: str) -> bool:
    return len(re.findall("[0-9]", text)) >= 3 and is_no_name(text)


def cells(row: Any) -> list[Any]:
    """The cells of a list, also as text."""
    inside = parsed_or_none(row) if isinstance(row, str) else row
    return inside.items if isinstance(inside, Arr) else []


def lines_on_top(head: Any, line: Any) -> list[str]:
    """The name of a column in two texts that are lines of a table."""
    if not isinstance(head, str) or not isinstance(line, str):
        return []
    parts = head.split(max(",;|\t", key=head.count))
    is_named = meaning(head) or mentions_card(head, [])
    if len(parts) == 1 or not (is_named or holds_issued(line)):
        return []
    named = [p for p in parts if meaning(p) or mentions_card(p, [])]
    return [*named, head][:1] if has_column(f"{head}\n{line}") else []


def has_column(text: str) -> bool:
    """Whether there is a table in a text with card data below a name of it."""
    lines = [line for line in re.split(r"[\r\n]+|\\+[rn]", text) if line.strip()]
    return any(
        is_row(lines[max(heads)], row)
        for place, row in enumerate(lines)
        if (heads := [i for i in range(place) if is_head(lines[i], fewest=min(i, 1) + 1)])
    )


def is_head(line: str, fewest: int) -> bool:
    parts = line.split(max(",;|\t", key=line.count))
    return len(parts) >= fewest and any(sure_column(p) or unsure_column(p) for p in parts)


def is_row(head: str, row: str) -> bool:
    mark = max(",;|\t", key=head.count)
    names, values = head.split(mark), row.split(mark)
    pairs = list(zip(names, values, strict=False))
    if len(values) > len(names):
        pairs = [(name, value) for name in names for value in values]
    return len(values) >= len(names) and any(
        (sure_column(name) and is_column_data(value))
        or ((sure_column(name) or unsure_column(name)) and holds_issued(value))
        for name, value in pairs
    )


def sure_column(cell: str) -> bool:
    name = cell.strip(" \t\"'\\")
    readable = plain(unquote(unquote(unquote(name))))
    return (
        not re.search(r"[,;|\"\\\x00-\x1f]", name)
        and meaning(name) == Meaning.CARD_DATA
        and any(word in readable for word in CARD_WORDS)
    )


def unsure_column(cell: str) -> bool:
    kinds = (Meaning.CARD_DATA, Meaning.CARD, Meaning.MAYBE_NUMBER)
    return meaning(cell.strip()) in kinds


def names_given(value: Obj) -> tuple[list[str], list[str]]:
    """The names that an object may give its value: sure ones, and others."""
    names = [n for k, v in value.pairs if is_of_pair(k, NAMING_KEYS) for n in named_in(v, 0)]
    sure = [name for name in names if meaning(name) == Meaning.CARD_DATA]
    others = (Meaning.CARD_DATA, Meaning.PAYMENTS, Meaning.BILLING_ADDRESS)
    maybe = [name for name in names if meaning(name) not in others]
    return sure, [name for name in maybe if meaning(name) or mentions_card(name, [])]


def named_in(value: Any, depth: int) -> list[str]:
    """The names that a text or an object gives, also inside JSON text or base64."""
    if depth > 4:
        return []
    if isinstance(value, Obj):
        members = [member for key, member in value.pairs if is_of_pair(key, NAMING_KEYS)]
        return [name for member in members for name in named_in(member, depth + 1)]
    if not isinstance(value, str) or not value:
        return []
    if len(value) > 384:
        return [value]
    inner = of_base64(value) if value.startswith("eyJ") else parsed_or_none(value)
    return [value, *named_in(inner, depth + 1)]


def names_mentioned(value: Obj) -> list[str]:
    """What lists and objects mention in place of a name, if a card number stands beside them."""
    if not any(is_of_pair(key, VALUE_KEYS) and is_issued(v) for key, v in value.pairs):
        return []
    named = [v for k, v in value.pairs if is_of_pair(k, NAMING_KEYS)]
    found = [name for v in named for name in texts_and_keys(v, 4)]
    others = (None, Meaning.PAYMENTS, Meaning.BILLING_ADDRESS)
    return [name for name in found if meaning(name) not in others or mentions_card(name, [])]


def texts_and_keys(value: Any, levels: int) -> list[str]:
    if levels < 0 or not isinstance(value, (Arr, Obj)):
        return []
    members = value.pairs if isinstance(value, Obj) else [(item, item) for item in value.items]
    return [
        name
        for key, member in members
        for name in [key, *texts_and_keys(member, levels - 1)]
        if isinstance(name, str)
    ]


def of_base64(text: str) -> str:
    pieces = [re.split("[^A-Za-z0-9+/_-]", piece)[0] for piece in text.split(".")]
    pieces = [piece.replace("-", "+").replace("_", "/") for piece in pieces if piece[:3] == "eyJ"]
    whole = [piece[:-1] if len(piece) % 4 == 1 else piece for piece in pieces]
    decoded = [base64.b64decode(piece + "==").decode(errors="replace") for piece in whole]
    return "\n".join(decoded)


def names_listed(value: Obj) -> list[str]:
    """The card data that a list of names beside a list of values names."""
    heads = [v for k, v in value.pairs if is_of_pair(k, NAMING_KEYS)]
    values = [v for k, v in value.pairs if is_of_pair(k, VALUE_KEYS)]
    return [
        name
        for head in heads
        for name in columns(head, 0)
        if meaning(name) == Meaning.CARD_DATA
        and any(
            isinstance(parsed_or_none(v) if isinstance(v, str) else v, Arr)
            or (isinstance(head, str) and isinstance(v, str) and has_column(f"{head}\n{v}"))
            for v in values
        )
    ]


def columns(head: Any, depth: int) -> list[str]:
    """The names that a list, perhaps as text, or a line of text gives to columns."""
    if depth > 4:
        return []
    if isinstance(head, Arr):
        return [
            name
            for item in head.items
            if not (isinstance(item, Obj) and any(is_of_pair(k, VALUE_KEYS) for k, _ in item.pairs))
            for name in (columns if isinstance(item, Arr) else named_in)(item, depth + 1)
        ]
    if isinstance(head, Obj):
        inner = [member for key, member in head.pairs if is_of_pair(key, NAMING_KEYS)]
        return [name for member in inner for name in columns(member, depth + 1)]
    if not isinstance(head, str):
        return []
    if head[:1] in tuple(MEANT_AS_JSON):
        inside = parsed_or_none(head)
        return columns(inside, depth + 1) if isinstance(inside, Arr) else []
    parts = head.split(max(",;|\t", key=head.count))
    is_named = meaning(head) or mentions_card(head, [])
    return parts if is_named and len(parts) > 1 else []


def is_of_pair(key: str, keys: frozenset[str]) -> bool:
    short = folded(key) or key
    return any(word + rest == short for word in ("", *PAIR_OF) for rest in keys)


def holds_card(value: Obj) -> bool:
    """Whether a number of an object is a card's, because something of a card stands beside it."""
    kinds = {meaning(key) for key, _ in value.pairs}
    siblings = {
        Meaning.CARD_DATA, Meaning.MAYBE_CODE, Meaning.MAYBE_EXPIRY, Meaning.MAYBE_HOLDER,
    }  # fmt: skip
    return bool(kinds & siblings) and any(
        meaning(key) == Meaning.BARE_NUMBER and any(map(is_alone, scalars(member)))
        for key, member in value.pairs
    )


def scalars(value: Any) -> list[Any]:
    return [s for v in value.items for s in scalars(v)] if isinstance(value, Arr) else [value]


def is_alone(value: Any) -> bool:
    text = value.literal if isinstance(value, Num) else value
    return isinstance(text, str) and is_issued(text) and holds_issued(text)


def is_value(name: str, may_be_number: bool) -> bool:
    """Whether a member's name is what should be its value."""
    if may_be_number and is_issued(name):
        return True
    return bool(re.search("[0-9]([ ._/-]?[0-9]){11}", name)) and names_card_data(name)


def holds_issued(text: str) -> bool:
    """Whether there is a card number in a text, in one piece or in groups of the usual length."""
    groups = r"[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?"
    amex = r"[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5}"
    whole = rf"(?<![0-9])(?<![0-9]\.)(?:[0-9]{{13,19}}|{groups}|{amex})(?![0-9])"
    return any(is_issued(found[0]) for found in re.finditer(whole, text))


def holds_number(value: Any) -> bool:
    """Whether a scalar, or one of a list, also in text, holds a card number."""
    if isinstance(value, Arr):
        return any(map(holds_number, value.items))
    inner = parsed_or_none(value) if isinstance(value, str) else None
    if inner is not None:
        return holds_number(inner)
    text = value.literal if isinstance(value, Num) else value
    return isinstance(text, str) and holds_issued(text)


def is_json(text: str) -> bool:
    try:
        parse(text)
    except NoJsonError:
        return False
    return True


def names_card_data(text: str) -> bool:
    """Whether a text that is no JSON names card data: word by word."""
    if text.startswith("eyJ") and of_base64(text):
        text = of_base64(text)
    if text[:1] not in tuple(MEANT_AS_JSON):
        unsure = (Meaning.CARD, Meaning.MAYBE_NUMBER, Meaning.MAYBE_CODE, Meaning.MAYBE_EXPIRY)
        issued = holds_issued(text)
        readable = plain(unquote(unquote(unquote(text))))
        if has_column(readable) and (issued or any(word in readable for word in CARD_WORDS)):
            return True
        return any(
            (found == Meaning.CARD_DATA and is_assigned and any(w in name for w in CARD_WORDS))
            or (issued and found in (*unsure, Meaning.MAYBE_HOLDER) and is_assigned)
            or (issued and found in (Meaning.CARD_DATA, Meaning.PAYMENTS) and heads)
            for found, name, is_assigned, heads in names_in(readable)
        )
    text = plain(unescaped(text))
    if holds_issued(text) and any(word in text for word in CARD_WORDS):
        return True
    digits = re.search("[0-9]([ ._/-]?[0-9]){11}", text)
    sure = (Meaning.CARD_DATA, Meaning.PAYMENTS)
    neither = (None, Meaning.BILLING_ADDRESS, Meaning.BARE_NUMBER)
    return any(found in sure or (digits and found not in neither) for found, *_ in names_in(text))


def names_in(text: str) -> Iterable[tuple[Meaning | None, str, bool, bool]]:
    """Each run of up to eight words: its meaning, itself, whether a value follows, or a table."""
    words = list(re.finditer("[a-z0-9]+", text))
    for first, word in enumerate(words):
        for last in words[first : first + 8]:
            name = text[word.start() : last.end()]
            if re.search(r"[^a-z0-9]{4}|[\t\n\r\x0b\x0c\"\\]", name):
                break
            after = text[last.end() :]
            mark = r"[\s_]{0,3}([\"'\\`=:>|\]]|&quot;|&#3)"
            is_assigned = re.match(mark, after) is not None
            heads = re.match(r"[ \"']{0,2}([,;|\t].*)?\r?\n", after) is not None
            yield meaning(name), folded(name), is_assigned, heads


def readable_payments(value: Any) -> bool:
    """Whether payments are nothing, an object or a list of objects, in text or not."""
    if isinstance(value, str) and value not in ("", "null"):
        try:
            return readable_payments(parse(value))
        except NoJsonError:
            return False
    if isinstance(value, Arr):
        return all(item is None or isinstance(item, Obj) for item in value.items)
    return isinstance(value, (str, Obj)) or value is None


def intact(value: Any) -> bool:
    """Whether nothing was removed from a cleaned value."""
    return not isinstance(value, (Cut, Dropped)) and getattr(value, "text", "") is not None


def pointer(steps: Iterable[str | int], star: bool = False) -> str:
    """RFC 6901; list places as ``*`` on demand."""
    return "".join(
        "/*" if star and isinstance(s, int) else "/" + str(s).replace("~", "~0").replace("/", "~1")
        for s in steps
    )


def judge(table: str, body: bytes) -> Rejection | Expected:
    """What the rules say of a document."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Rejection("not_utf8")
    try:
        parsed = parse(text)
    except NoJsonError:
        return Rejection("not_json")
    if not isinstance(parsed, Obj):
        return Rejection("not_an_object")
    if not is_id(used(parsed, "Id")):
        return Rejection("no_id")
    changed = day_of(used(parsed, "LastChange"))
    day = changed or day_of(used(parsed, "CreationDate"))
    if day is None:
        return Rejection("no_date")
    expected = Converting(day).document(table, parsed)
    expected.dated_by_creation = changed is None
    return expected


def used(parsed: Obj, name: str) -> Any:
    """Of several members the last that is spelled as the schema does, else the last."""
    spelled = [value for key, value in parsed.pairs if key == name]
    folded = [value for key, value in parsed.pairs if key.lower() == name.lower()]
    return (spelled or folded or [None])[-1]


def is_id(value: Any) -> bool:
    return isinstance(value, Num) or (
        isinstance(value, str) and not value.isspace() and value not in ("", "null")
    )


def day_of(value: Any) -> str | None:
    if not isinstance(value, str) or value[10:11] not in ("", "T", " "):
        return None
    if not re.fullmatch(r"(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}", value[:10]):
        return None
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        return None


class Converting:
    """One document on its way to a row."""

    def __init__(self, day: str) -> None:
        self.result = Expected(day)
        self.remover = Remover()

    def document(self, table: str, parsed: Obj) -> Expected:
        columns = data_columns(table)
        members = self.remover.clean(parsed, ())
        types = [(column.source_field, column.type) for column in columns]
        row = self.fields(members.pairs, types, ())
        self.result.values = {name.lower(): value for name, value in row.items()}
        self.result.redacted = self.remover.redacted
        self.result.cleaned = self.remover.cleaned
        return self.result

    def fields(
        self, pairs: list[tuple[str, Any]], types: Sequence[tuple[str, Type]], steps: Steps
    ) -> dict[str, Any]:
        names = {name.lower(): name for name, _ in types}
        candidates: dict[str, list[tuple[str, Any]]] = {name: [] for name, _ in types}
        for key, value in pairs:
            if key.lower() in names:
                candidates[names[key.lower()]].append((key, value))
            else:
                self.rescue((*steps, key), value)
        row = {}
        for name, kind in types:
            found = candidates[name]
            if not found:
                continue
            exact = [i for i, (key, _) in enumerate(found) if key == name]
            chosen = exact[-1] if exact else len(found) - 1
            for i, (key, value) in enumerate(found):
                if i != chosen:
                    self.rescue((*steps, key), value)
            key, value = found[chosen]
            converted = self.column(kind, value, (*steps, key))
            if converted is not None:
                row[name] = converted
        return row

    def column(self, kind: Type, value: Any, steps: Steps) -> Any:
        if len(steps) == 1 and not isinstance(kind, Primitive) and value not in ("", "null"):
            if isinstance(value, Cut):
                value = value.value
            elif isinstance(value, str):
                try:
                    value = parse(value)
                except NoJsonError:
                    return self.rescue(steps, value)
        return self.convert(kind, value, steps)

    def convert(self, kind: Type, value: Any, steps: Steps) -> Any:  # noqa: PLR0911
        if value is None:
            return None
        if kind == Primitive("string"):
            return text_of(value)
        if isinstance(value, str) and value in ("", "null"):
            self.result.emptied += 1
            return None
        if isinstance(kind, Primitive):
            convert = {"bigint": bigint_of, "double": double_of, "boolean": boolean_of}[kind.name]
            converted = convert(value)
            if converted is None or (kind.name == "double" and not comes_back(value, converted)):
                self.rescue(steps, value)
            return converted
        if isinstance(kind, Array) and isinstance(value, Arr):
            places = value.places or range(len(value.items))
            return [
                self.convert(kind.element, v, (*steps, i))
                for i, v in zip(places, value.items, strict=True)
            ]
        if isinstance(kind, Struct) and isinstance(value, Obj):
            return self.fields(value.pairs, kind.fields, steps)
        if isinstance(kind, TextMap) and isinstance(value, Obj):
            return self.entries(value.pairs, steps, ("key", "value"))
        categories = isinstance(steps[-1], str) and steps[-1].lower() == "productcategories"
        if categories and isinstance(value, Obj):
            return self.entries(value.pairs, steps, ("id", "name"))
        return self.rescue(steps, value)

    def entries(
        self, pairs: list[tuple[str, Any]], steps: Steps, names: tuple[str, str]
    ) -> list[dict[str, Any]]:
        entries = []
        for i, (key, value) in enumerate(pairs):
            if any(later == key for later, _ in pairs[i + 1 :]):
                self.rescue((*steps, key), value)
            else:
                entries.append({names[0]: key, names[1]: text_of(value)})
        return entries

    def rescue(self, steps: Steps, value: Any) -> None:
        self.result.rescued.append((pointer(steps), value))


def text_of(value: Any) -> Any:
    """A value in a string column."""
    if value is None or isinstance(value, (str, Cut)):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Num):
        return value.literal
    return Cut(value) if value.text is None else value.text


def bigint_of(value: Any) -> int | None:
    number: Decimal | None = None
    try:
        if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9][0-9]*)(\.0+)?", value):
            number = Decimal(value)
        elif (isinstance(value, Num) and re.fullmatch("-?[0-9]+", value.literal)) or (
            isinstance(value, Num) and abs(Decimal(value.literal)) < 2**53
        ):
            number = Decimal(value.literal)
    except InvalidOperation:
        return None
    if number is None or not -(2**63) <= number <= 2**63 - 1 or number != int(number):
        return None
    return int(number)


def double_of(value: Any) -> float | None:
    literal = value.literal if isinstance(value, Num) else value
    if not isinstance(literal, str):
        return None
    if not re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", literal):
        return None
    number = float(literal)
    return None if number in (float("inf"), float("-inf")) else number


def comes_back(value: Any, number: float) -> bool:
    """Whether a double's shortest text says the number that was written."""
    literal = value.literal if isinstance(value, Num) else value
    try:
        return Decimal(literal) == Decimal(repr(number))
    except InvalidOperation:
        return False


def boolean_of(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def agrees(expected: Any, actual: Any) -> bool:  # noqa: PLR0911
    """Whether an actual value is the expected one, exactly; a cut text by its meaning."""
    if isinstance(expected, Dropped):
        return bool(actual == expected)
    if isinstance(expected, Cut):
        return isinstance(actual, str) and agrees_with_json(expected.value, actual)
    if isinstance(expected, Num):
        return isinstance(actual, Num) and actual.literal == expected.literal
    if isinstance(expected, Arr):
        return isinstance(actual, Arr) and same_items(expected.items, actual.items)
    if isinstance(expected, Obj):
        return (
            isinstance(actual, Obj)
            and [key for key, _ in expected.pairs] == [key for key, _ in actual.pairs]
            and same_items([v for _, v in expected.pairs], [v for _, v in actual.pairs])
        )
    if isinstance(expected, list):
        return isinstance(actual, list) and same_items(expected, actual)
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and expected.keys() == actual.keys()
            and all(agrees(expected[key], actual[key]) for key in expected)
        )
    return type(expected) is type(actual) and expected == actual


def same_items(expected: list[Any], actual: list[Any]) -> bool:
    return len(expected) == len(actual) and all(map(agrees, expected, actual))


def agrees_with_json(expected: Any, text: str) -> bool:
    """Whether a JSON text has the expected value."""
    try:
        return agrees(expected, parse(text))
    except NoJsonError:
        return False


def differences(expected: Expected, line: bytes) -> list[str]:
    """How a conformed line differs from what it must be; empty if it does not."""
    row = json.loads(line)
    rescued = row.pop("_rescued", [])
    found = [
        f"column {name}: expected {expected.values.get(name)!r}, found {row.get(name)!r}"
        for name in sorted(expected.values.keys() | row.keys())
        if not agrees(expected.values.get(name), row.get(name))
    ]
    # Exact expectations first, lest one that is open about white space takes what they need.
    for path, value in sorted(expected.rescued, key=lambda item: not intact(item[1])):
        match = next(
            (r for r in rescued if r["path"] == path and agrees_with_json(value, r["value"])), None
        )
        if match is None:
            found.append(f"not rescued: {path} {value!r}")
        else:
            rescued.remove(match)
    return found + [f"rescued too much: {item!r}" for item in rescued]
