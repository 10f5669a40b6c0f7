"""All anomalies of the hand-run migration, and the folders in which the sample has them.

A placement names an anomaly's folders; tests move one and expect the flags to move with it.
"""

import json
import random
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from checkout_assets.domain.folders import Folder
from spark_jobs.contract.order_types import OrderType


class Anomaly(StrEnum):
    """What can be wrong with a folder; the value describes it for people."""

    SPECIAL_NAMES = "special characters in object names"
    NESTED_UNDER_ID = "things that are no orders below id/"
    NOT_JSON = "documents that are not JSON"
    NOT_UTF8 = "documents that are not UTF-8"
    NOT_AN_OBJECT = "documents that are no object"
    NO_ID = "documents without id"
    NO_DATE = "documents without date"
    EMPTY_OBJECT = "objects of zero bytes"
    SIDE_OBJECTS = "index folders beside id/"
    NEAR_MISS = "documents below ID/ in another case"
    UNKNOWN_FIELDS = "fields that the schema does not know"
    LOSSY_DRIFT = "values that fit no type"
    TRUNCATED_TEXT = "nested text that is cut off"
    CASE_COLLISION = "one field spelled twice"
    TWO_VERSIONS = "one order at two times"


FLAGS: Mapping[Anomaly, str] = MappingProxyType(
    {
        Anomaly.SPECIAL_NAMES: "names_are_safe",
        Anomaly.NESTED_UNDER_ID: "no_documents_nested_under_id",
        Anomaly.NOT_JSON: "no_documents_quarantined",
        Anomaly.NOT_UTF8: "no_documents_quarantined",
        Anomaly.NOT_AN_OBJECT: "no_documents_quarantined",
        Anomaly.NO_ID: "no_documents_quarantined",
        Anomaly.NO_DATE: "no_documents_quarantined",
        Anomaly.EMPTY_OBJECT: "no_documents_quarantined",
        Anomaly.NEAR_MISS: "no_near_miss_names",
        Anomaly.UNKNOWN_FIELDS: "every_value_has_a_column",
        Anomaly.LOSSY_DRIFT: "every_value_has_a_column",
        Anomaly.TRUNCATED_TEXT: "every_value_has_a_column",
        Anomaly.CASE_COLLISION: "every_value_has_a_column",
    }
)
"""The check that each anomaly triggers; side objects and two versions trigger none."""


def _folders(*names: str) -> tuple[Folder, ...]:
    return tuple(Folder.parse(name) for name in names)


def _fulfillment(*prefixes: int) -> tuple[Folder, ...]:
    return tuple(Folder(OrderType.FULFILLMENT, prefix) for prefix in prefixes)


PLACEMENT: Mapping[Anomaly, tuple[Folder, ...]] = MappingProxyType(
    {
        Anomaly.SPECIAL_NAMES: _fulfillment(0x22, 0x0D, 0x1D, 0x83, 0xFE, 0xF9),
        Anomaly.NESTED_UNDER_ID: _fulfillment(0x86),
        Anomaly.NOT_JSON: _folders("13_CheckoutOrder", "A7_FulfillmentOrder"),
        Anomaly.NOT_UTF8: _folders("2C_CheckoutOrder", "5E_FulfillmentOrder"),
        Anomaly.NOT_AN_OBJECT: _folders("40_CheckoutOrder"),
        Anomaly.NO_ID: _folders("61_CheckoutOrder"),
        Anomaly.NO_DATE: _folders("77_CheckoutOrder", "3B_FulfillmentOrder"),
        Anomaly.EMPTY_OBJECT: _folders("90_CheckoutOrder"),
        Anomaly.SIDE_OBJECTS: _folders("08_CheckoutOrder", "B1_CheckoutOrder", "86_CheckoutOrder"),
        Anomaly.NEAR_MISS: _folders("C3_CheckoutOrder"),
        Anomaly.UNKNOWN_FIELDS: _folders("D5_CheckoutOrder", "11_FulfillmentOrder"),
        Anomaly.LOSSY_DRIFT: _folders("E2_CheckoutOrder", "80_FulfillmentOrder"),
        Anomaly.TRUNCATED_TEXT: _folders("EC_FulfillmentOrder"),
        Anomaly.CASE_COLLISION: _folders("4F_CheckoutOrder"),
        Anomaly.TWO_VERSIONS: _folders("A5_FulfillmentOrder"),
    }
)
"""The folders of the hand-run migration, and plausible folders for the rest."""

SPECIAL_NAMES = (
    "XYZ-PED ÇÃ 1#2?3%4:5",
    'O\'Brien "cited" <b>&amp;',
    "line\nbreak\ttab",
    "[bracket]{brace}*",
    "a+b&c=d;e,f",
    "~tilde\\backslash",
    "_leading",
    ".hidden",
    "emoji-\U0001f4e6-bidi-\u202egpj",
    "caf\u00e9",
    "cafe\u0301",
)
"""Names as the folders of 2018-10-31 14h have them; the last two differ only in normalization."""

Document = dict[str, Any]
Extra = tuple[str, bytes]
"""The rest of a key after the folder, and its body."""


def extras(
    anomaly: Anomaly, rng: random.Random, instance: str, document: Callable[[], Document]
) -> list[Extra]:
    """The objects that an anomaly adds to a folder; ``document`` returns a clean document."""
    makers: dict[Anomaly, Callable[[], list[Extra]]] = {
        Anomaly.SPECIAL_NAMES: lambda: [
            *((f"{instance}/id/{name}", _json(document())) for name in SPECIAL_NAMES),
            (f"{instance}//index/empty segment", b"{}"),
        ],
        Anomaly.NESTED_UNDER_ID: lambda: [
            (f"{instance}/id/123-01/history/1", _json(document())),
            (f"{instance}/id/123-01/attachments/a.txt", b"invented text of no order"),
            (f"{instance}/id/one/big", json.dumps("s" * 20_000).encode()),
        ],
        Anomaly.NOT_JSON: lambda: [
            (f"{instance}/id/truncated", _json(document())[:-40]),
            (f"{instance}/id/nan", b'{"Id": "1", "CreationDate": "2018-01-01", "x": NaN}'),
            (f"{instance}/id/surrogate", b'{"Id": "\\ud83d", "CreationDate": "2018-01-01"}'),
        ],
        Anomaly.NOT_UTF8: lambda: [(f"{instance}/id/latin1", _json(document()) + b"\xe7\xe3o")],
        Anomaly.NOT_AN_OBJECT: lambda: [
            (f"{instance}/id/list", b"[" + _json(document()) + b"]"),
            (f"{instance}/id/text", b'"an order?"'),
        ],
        Anomaly.NO_ID: lambda: [
            (f"{instance}/id/blank", _json({**document(), "Id": "  "})),
            (f"{instance}/id/null", _json({**document(), "Id": "null"})),
        ],
        Anomaly.NO_DATE: lambda: [
            (f"{instance}/id/never", _json(_dated(document(), None))),
            (f"{instance}/id/february-31", _json(_dated(document(), "2018-02-31T10:00:00Z"))),
        ],
        Anomaly.EMPTY_OBJECT: lambda: [(f"{instance}/id/empty", b"")],
        Anomaly.SIDE_OBJECTS: lambda: [
            (f"{instance}/index-{n}/{rng.getrandbits(32):08x}", b'{"ref": 1}') for n in range(3)
        ],
        Anomaly.NEAR_MISS: lambda: [(f"{instance}/ID/456-01", _json(document()))],
        Anomaly.UNKNOWN_FIELDS: lambda: [
            (f"{instance}/id/unknown", _json({**document(), "NewField@2019 x": '{"a": 1.10}'})),
        ],
        Anomaly.LOSSY_DRIFT: lambda: [
            (f"{instance}/id/drift", _json({**document(), "Value": "12.5", "IsCompleted": "1"})),
            (f"{instance}/id/shape", _json({**document(), "Items": '[{"price": 116.66}, "text"]'})),
            (f"{instance}/id/huge", _json({**document(), "Value": "9" * 30})),
        ],
        Anomaly.TRUNCATED_TEXT: lambda: [
            (f"{instance}/id/cut", _json({**document(), "ClientProfileData": '{"id":"x","em'})),
        ],
        Anomaly.CASE_COLLISION: lambda: [
            (f"{instance}/id/twice", _json({**document(), "hostname": "another"})),
        ],
        Anomaly.TWO_VERSIONS: lambda: [
            (f"{instance}/id/777-01{suffix}", _json({**document(), "Id": "777-01"}))
            for suffix in ("", ".v2")
        ],
    }
    return makers[anomaly]()


def _json(document: Document) -> bytes:
    return json.dumps(document).encode()


def _dated(document: Document, text: str | None) -> Document:
    return {**document, "LastChange": text, "CreationDate": None}
