"""Documents for benchmarks: any number, generated from their numbers, about 10 KB each."""

import json
import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from checkout_assets.sample.documents import Moment, encode, order
from spark_jobs.contract.order_types import OrderType

Kind = Literal["dirty", "drifted", "clean", "short"]

TEMPLATES = 600
_FIRST_DAY = date(2015, 1, 1)
_SMALLEST, _LARGEST = 5_000, 18_000
_DIRTY_OF_100 = 8
_SHORT = ("Id", "CreationDate", "LastChange", "OrderGroup", "Value", "Totals", "PaymentData")


@dataclass(frozen=True, slots=True)
class Orders:
    """``count`` documents over ``days`` days.

    ``dirty``: 8 of 100 cannot be read as the schema says (unknown fields, cut nested text, other
    types). ``drifted``: in every document numbers are text and names are in other case.
    ``short``: clean ones of half a kilobyte, for soaks.
    """

    count: int
    days: int
    templates: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def made(cls, count: int, days: int, kind: Kind) -> "Orders":
        """Create the templates for all documents."""
        rng = random.Random(20181031)
        templates: list[tuple[bytes, bytes]] = []
        moment = Moment(_FIRST_DAY, _FIRST_DAY)
        while len(templates) < TEMPLATES:
            document = order(rng, OrderType.CHECKOUT, "", moment)
            if kind == "short":
                document = {key: document[key] for key in _SHORT}
            elif not _SMALLEST < len(encode(document, rng)) < _LARGEST:
                continue
            is_dirty = kind == "dirty" and len(templates) % 100 < _DIRTY_OF_100
            made = _dirtied(document, len(templates)) if is_dirty else document
            body = json.dumps(_drifted(made) if kind == "drifted" else made).encode()
            templates.append(_split(body))
        rng.shuffle(templates)
        return cls(count, days, tuple(templates))

    def name(self, number: int) -> str:
        """The document's key after its folder."""
        return f"AF000/id/v{number:09d}-01"

    def body(self, number: int) -> bytes:
        """The document's bytes."""
        before, after = self.templates[number % len(self.templates)]
        day = (_FIRST_DAY + timedelta(days=number * 7919 % self.days)).isoformat().encode()
        return b'{"Id": "v%d-01"' % number + before + day + after

    def size(self, number: int) -> int:
        """The document's bytes, counted: structuring refuses a body of another length."""
        return len(self.body(number))


def _split(body: bytes) -> tuple[bytes, bytes]:
    """What comes between the id and the day of the last change, and what comes after."""
    key = b'"LastChange": "' if b'"LastChange": "' in body else b'"lastChange": "'
    at = body.index(key) + len(key)
    start = body.index(b'"",')
    return body[start + 2 : at], body[at + len("2015-01-01") :]


def _dirtied(document: dict[str, Any], number: int) -> dict[str, Any]:
    faults = (
        {"Items": document["Items"][:-3]},
        {"NewField": '{"a": 1.10}', "IsCompleted": "maybe"},
        {"Items": document["Items"].replace('"name"', '"brandNew"')},
        {"ShippingData": json.loads(document["ShippingData"])},
        {"hostname": "another"},
        {"Value": "12.5"},
    )
    return {**document, **faults[number % len(faults)]}


def _drifted(value: Any) -> Any:
    """Change the case of names and turn numbers into text, also in nested JSON text."""
    if isinstance(value, dict):
        return {key[:1].swapcase() + key[1:]: _drifted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_drifted(item) for item in value]
    if isinstance(value, str) and value[:1] in "{[" and value:
        return json.dumps(_drifted(json.loads(value)))
    return value if value is None or isinstance(value, bool | str) else str(value)
