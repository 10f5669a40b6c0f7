"""Invented order documents in the shape of the real ones, without any real data.

Top-level values are text or null, nested columns JSON text. Everything here is inside the schema
and converts without loss, so an ordinary document is clean.
"""

import json
import random
from dataclasses import dataclass
from datetime import date
from typing import Any

from checkout_assets.sample import nested_values
from checkout_assets.sample.nested_values import ATTACHMENT_MARKER, CARD_MARKER
from spark_jobs.contract.order_types import OrderType

__all__ = ["ATTACHMENT_MARKER", "CARD_MARKER", "Moment", "encode", "order"]

_WORDS = (
    "amostra", "exemplo", "prueba", "muestra", "sample", "invented", "δείγμα", "見本", "عينة",
    "📦", "\u2028", '"citação"', "\\",
)  # fmt: skip

_SHARE_WITH_SUMMARY = 0.1
_SHARE_OF_ASCII_WRITERS = 0.3
_SHARE_WITH_BOM = 0.02


@dataclass(frozen=True, slots=True)
class Moment:
    """When a document was created and last changed; its row's day is that of ``changed``."""

    created: date
    changed: date | None

    @property
    def day(self) -> date:
        """The day of its partition."""
        return self.changed or self.created


def order(
    rng: random.Random, order_type: OrderType, order_id: str, moment: Moment
) -> dict[str, Any]:
    """One document, as the mapping that its object holds as JSON."""
    items = [nested_values.item(rng, number) for number in range(nested_values.item_count(rng))]
    document: dict[str, Any] = {
        "Id": order_id,
        "InstanceId": f"AF{rng.randrange(4):030X}",
        "CreationDate": _instant(rng, moment.created),
        "LastChange": _instant(rng, moment.changed) if moment.changed else rng.choice([None, ""]),
        "CreationEnvironment": "STABLE",
        "CreationVersion": "1.101.78.1106",
        "LastChangeVersion": "1.10",
        "OrderFormId": f"{rng.getrandbits(128):032x}",
        "OrderGroup": order_id.partition("-")[0],
        "SellerOrderId": f"00-{order_id}",
        "HostName": "lojaexemplo",
        "FollowUpEmail": f"{rng.getrandbits(64):016x}@ct.example.com",
        "SalesChannel": str(rng.randint(1, 3)),
        "Sequence": f"{rng.randrange(10**6):06d}",
        "Status": rng.choice(["invoiced", "canceled", None]),
        "WorkflowInstanceId": f"{rng.getrandbits(128):032X}",
        "IsCompleted": rng.choice([None, "True", "true", "False"]),
        "Value": rng.choice(["{}", "{}.0"]).format(sum(item["price"] for item in items)),
        "Items": _text(items),
        "Totals": _text([{"id": "Items", "name": "Total", "value": rng.choice([39995, 39995.0])}]),
        "VirtualTotalizations": rng.choice(["[]", "null", ""]),
        "ShippingData": _text(nested_values.shipping(rng, len(items))),
        "ClientProfileData": _text(nested_values.profile(rng)),
        "ClientPreferencesData": _text({"id": "clientPreferencesData", "locale": "pt-BR"}),
        "MarketingData": _text({"utmSource": "exemplo", "utmipage": None, "marketingTags": []}),
        "RatesAndBenefitsData": _text(nested_values.benefits(rng)),
        "StorePreferencesData": _text(nested_values.STORE),
        "Sellers": _text([{"Id": "1", "Name": "Loja Exemplo", "AllowHybridPayments": False}]),
        "ReceiptData": _text({"ReceiptCollection": [{"ReceiptToken": "A1", "ValueAsInt": 41176}]}),
        "OpenTextField": _text({"value": " ".join(rng.choices(_WORDS, k=rng.randint(2, 30)))}),
        "PaymentData": _text(nested_values.payments(rng)),
        "ItemMetadata": _text(nested_values.item_metadata()),
        "CustomData": _text(nested_values.custom_data()),
        "CommercialConditionData": rng.choice([None, '{"any": ["shape", 1.10]}']),
    }
    if order_type is OrderType.FULFILLMENT:
        document["MarketPlaceOrderId"] = f"{rng.randrange(10**8):010d}"
        document["IsCreatedAsync"] = "false"
        document["MarketPlacePaymentReferenceValue"] = str(rng.randrange(10**6))
    if rng.random() < _SHARE_WITH_SUMMARY:
        document["ItemAttachmentSummary"] = _text({"note": ATTACHMENT_MARKER})
    return document


def encode(document: dict[str, Any], rng: random.Random) -> bytes:
    """The object's bytes: some have escaped non-ASCII characters, some begin with a BOM."""
    text = json.dumps(document, ensure_ascii=rng.random() < _SHARE_OF_ASCII_WRITERS)
    return text.encode("utf-8-sig" if rng.random() < _SHARE_WITH_BOM else "utf-8")


def _instant(rng: random.Random, day: date) -> str:
    clock = f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}"
    fraction = rng.choice(["", ".5", ".1911258"])
    return f"{day.isoformat()}T{clock}{fraction}{rng.choice(['Z', 'Z', '', '-03:00'])}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
