"""Invented order documents in the shape of the real ones; no word of them is anybody's.

Top-level values are text or null, nested columns JSON text. Everything here is inside the schema
and converts without loss, so an ordinary document is entirely clean.
"""

import json
import random
from dataclasses import dataclass
from datetime import date
from typing import Any

from checkout_assets.domain.folders import OrderType

CARD_MARKER = "INVENTED-CARD"
"""Stands in every card field of the sample: no file of the lake may hold it."""

ATTACHMENT_MARKER = "INVENTED-ATTACHMENT"
"""Stands in every attachment and every other member the cleanings remove."""

_PEOPLE = (
    ("Ana", "Exemplo", "São Paulo", "Rua das Amostras"),
    ("José", "Fictício", "Bogotá", "Calle de la Prueba"),
    ("Mary", "Sample", "Springfield", "Example Street"),
    ("Ελένη", "Δειγμα", "Αθήνα", "Οδός Παραδείγματος"),
    ("架空", "太郎", "見本市", "例示通り"),
    ("مثال", "عينة", "مدينة", "شارع التجربة"),
    ("Zoë", "D'Exemple", "Genève", "Rue « Test »"),
)
_PRODUCTS = (
    "TAPETE EXEMPLO", "Panela de teste 24cm", "Silla de muestra", "Sample lamp “Nº 5”",
    "Δοκιμαστικό βιβλίο", "見本の茶碗 📦", "كتاب تجريبي", "Camiseta 100% algodão",
)  # fmt: skip
_CATEGORIES = {"101": "LINHA EXEMPLO", "701": "JOGOS & CIA", "501": "PRODUTOS/ÚNICOS"}
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
    items = [_item(rng, number) for number in range(_item_count(rng))]
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
        "ShippingData": _text(_shipping(rng)),
        "ClientProfileData": _text(_profile(rng)),
        "ClientPreferencesData": _text({"id": "clientPreferencesData", "locale": "pt-BR"}),
        "MarketingData": _text({"utmSource": "exemplo", "utmipage": None, "marketingTags": []}),
        "RatesAndBenefitsData": _text(_benefits(rng)),
        "Sellers": _text([{"Id": "1", "Name": "Loja Exemplo", "AllowHybridPayments": False}]),
        "ReceiptData": _text({"ReceiptCollection": [{"ReceiptToken": "A1", "ValueAsInt": 41176}]}),
        "OpenTextField": _text({"value": " ".join(rng.choices(_WORDS, k=rng.randint(2, 30)))}),
        "PaymentData": _text(_payments(rng)),
        "ItemMetadata": _text(_item_metadata()),
        "CustomData": _text(_custom_data()),
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
    """The object's bytes: some writers escape what is not ASCII, some begin with a BOM."""
    text = json.dumps(document, ensure_ascii=rng.random() < _SHARE_OF_ASCII_WRITERS)
    return text.encode("utf-8-sig" if rng.random() < _SHARE_WITH_BOM else "utf-8")


def _item_count(rng: random.Random) -> int:
    """Median 1, a long tail up to some 80 as in the real ones."""
    return max(1, min(83, int(rng.paretovariate(1.3))))


def _item(rng: random.Random, number: int) -> dict[str, Any]:
    price = rng.randrange(100, 500_000)
    return {
        "uniqueId": f"{rng.getrandbits(128):032X}",
        "id": f"{rng.randrange(1000):04d}",
        "sellerSku": str(number),
        "productId": f"00{rng.randrange(100)}",
        "refId": rng.choice(["04000", "1E5", "1.10"]),
        "ean": f"0789{rng.randrange(10**9):09d}",
        "name": rng.choice(_PRODUCTS),
        "skuName": rng.choice(_PRODUCTS),
        "additionalInfo": {
            "brandName": "Marca Exemplo",
            "brandId": rng.choice(["301", 301]),
            "dimension": {"cubicweight": 0.35, "height": 30.0, "length": "25.5", "weight": 4000},
            "categoriesIds": "/101/",
        },
        "quantity": rng.choice([1, "1", 1.0, 2]),
        "unitMultiplier": 1.0,
        "price": price,
        "listPrice": rng.choice([price, str(price), float(price)]),
        "isGift": rng.choice([False, "False", True]),
        "productCategories": rng.choice([_CATEGORIES, _CATEGORIES, {}, None]),
        "priceTags": [{"name": "discount@price", "value": -100, "rawValue": -1.0}],
        "attachments": [{"name": ATTACHMENT_MARKER, "content": {"a b": "c;d"}}],
        "itemAttachment": {"name": None, "content": {}},
        "assemblies": [{"id": "text", "inputValues": {"Line 1": "Oi", "@nome": "X.Y"}}],
        "bundleItems": [{"id": "9", "type": "Gift", "Attachments": [[{"x": ATTACHMENT_MARKER}]]}],
        "offerings": [{"id": "1", "price": 990, "attachmentOfferings": [ATTACHMENT_MARKER]}],
    }


def _shipping(rng: random.Random) -> dict[str, Any]:
    first, last, city, street = rng.choice(_PEOPLE)
    windows = [
        {"startDateUtc": f"2018-11-{day:02d}T08:00:00Z", "price": 0, "listPrice": "0", "tax": 0}
        for day in range(1, 1 + min(28, int(rng.paretovariate(0.7)) - 1))
    ]
    slas = [
        {
            "id": name,
            "name": name,
            "deliveryIds": [{"courierId": name, "warehouseId": "1_1", "quantity": 1}],
            "shippingEstimate": "3bd",
            "availableDeliveryWindows": windows if name == "AGENDADA" else [],
            "price": 1181,
            "listPrice": 1181,
            "attachmentOfferings": [],
        }
        for name in ("EXPRESSA", "NORMAL", "AGENDADA")
    ]
    return {
        "id": "shippingData",
        "address": {
            "receiverName": f"{first} {last}",
            "postalCode": "01001-000",
            "city": city,
            "street": street,
            "number": "10A",
            "geoCoordinates": rng.choice([[], [-46.63, -23.55], [None, "1.5"]]),
        },
        "logisticsInfo": [{"itemIndex": 0, "slas": slas, "selectedSla": "NORMAL", "price": 990}],
    }


def _profile(rng: random.Random) -> dict[str, Any]:
    first, last, _, _ = rng.choice(_PEOPLE)
    return {
        "id": "clientProfileData",
        "email": "comprador@example.com",
        "firstName": first,
        "lastName": last,
        "document": "000.000.000-00",
        "phone": "+550000000000",
        "isCorporate": rng.choice([False, "false"]),
    }


def _benefits(rng: random.Random) -> dict[str, Any]:
    identifier = {
        "id": f"{rng.getrandbits(64):016x}",
        "name": "Frete grátis",
        "featured": False,
        "matchedParameters": {"Seller@CatalogSystem": ATTACHMENT_MARKER},
        "additionalInfo": {"discount Value": ATTACHMENT_MARKER},
    }
    return {"id": "ratesAndBenefitsData", "rateAndBenefitsIdentifiers": [identifier]}


def _payments(rng: random.Random) -> dict[str, Any]:
    payment = {
        "id": f"{rng.getrandbits(64):016X}",
        "paymentSystem": "2",
        "value": 40985,
        "installments": 1,
        "cardNumber": CARD_MARKER,
        "CardHolder": CARD_MARKER,
        "cvv2": CARD_MARKER,
        "expireMonth": CARD_MARKER,
        "expireYear": CARD_MARKER,
        "billingAddress": {"street": CARD_MARKER},
        "connectorResponses": {"Return Code": CARD_MARKER},
    }
    return {"transactions": [{"isActive": True, "payments": [payment]}], "giftCards": []}


def _item_metadata() -> dict[str, Any]:
    options = [{"id": "Personalização @ camisa", "inputValues": {"L 1": ATTACHMENT_MARKER}}]
    return {"items": [{"id": "100", "seller": "1", "name": "EXEMPLO", "assemblyOptions": options}]}


def _custom_data() -> dict[str, Any]:
    context = json.dumps({"a@b": ATTACHMENT_MARKER, "card": {"cardNumber": CARD_MARKER}})
    fields = {"cart-extra-context": context, "cart-type": "REGULAR"}
    nested = json.dumps({"keep": 1.10, "cardNumber": CARD_MARKER})
    return {"customApps": [{"id": "cart", "major": 1, "fields": fields}], "notes": nested}


def _instant(rng: random.Random, day: date) -> str:
    clock = f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}"
    fraction = rng.choice(["", ".5", ".1911258"])
    return f"{day.isoformat()}T{clock}{fraction}{rng.choice(['Z', 'Z', '', '-03:00'])}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
