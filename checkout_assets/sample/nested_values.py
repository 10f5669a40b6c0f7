"""The nested values of the invented orders: items, shipping, payments and others.

Every value is inside the schema and converts without loss, also those of other types, or is removed
by the cleanings or by redaction.
"""

import json
import random
from typing import Any

CARD_MARKER = "INVENTED-CARD"
"""In every card field of the sample: no file of the lake may contain it."""

ATTACHMENT_MARKER = "INVENTED-ATTACHMENT"
"""In every attachment and every other member that the cleanings remove."""

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
STORE = {
    "countryCode": "BRA",
    "saveUserData": True,
    "templateOptions": {"toogleCorporate": False},
    "timeZone": "E. South America Standard Time",
    "currencyCode": "BRL",
    "currencyLocale": "1046",
    "currencySymbol": "R$",
    "currencyFormatInfo": {"currencyDecimalDigits": 2, "currencyDecimalSeparator": ","},
}
"""StorePreferencesData."""

_SHARE_WITH_WINDOWS = 0.13


def item_count(rng: random.Random) -> int:
    """A random number of items: median 1, at most about 80, as in real orders."""
    return max(1, min(83, int(rng.paretovariate(1.68))))


def item(rng: random.Random, number: int) -> dict[str, Any]:
    """One of Items, with attachments at every depth."""
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
        "seller": "1",
        "sellerChain": ["1"],
        "measurementUnit": "un",
        "lockId": None,
        "imageUrl": f"https://images.example.com/arquivos/ids/{rng.randrange(10**6):06d}-55-55",
        "detailUrl": "/tapete-exemplo-para-sala-de-jantar-colorido-redondo/p",
        "additionalInfo": {
            "brandName": "Marca Exemplo",
            "brandId": rng.choice(["301", 301]),
            "dimension": {"cubicweight": 0.35, "height": 30.0, "length": "25.5", "weight": 4000},
            "categoriesIds": "/101/",
            "categories": [{"id": 101, "name": "LINHA EXEMPLO"}],
        },
        "quantity": rng.choice([1, "1", 1.0, 2]),
        "unitMultiplier": 1.0,
        "price": price,
        "listPrice": rng.choice([price, str(price), float(price)]),
        "manualPrice": None,
        "sellingPrice": price,
        "priceValidUntil": "2019-10-31T23:59:59Z",
        "tax": 0,
        "rewardValue": "0",
        "commission": 0,
        "freightCommission": 0,
        "preSaleDate": None,
        "parentItemIndex": None,
        "priceDefinition": {"sellingPrices": [{"value": price, "quantity": 1}], "total": price},
        "isGift": rng.choice([False, "False", True]),
        "productCategories": rng.choice([_CATEGORIES, _CATEGORIES, {}, None]),
        "priceTags": [{"name": "discount@price", "value": -100, "rawValue": -1.0}],
        "attachments": [{"name": ATTACHMENT_MARKER, "content": {"a b": "c;d"}}],
        "itemAttachment": {"name": None, "content": {}},
        "assemblies": [{"id": "text", "inputValues": {"Line 1": "Oi", "@nome": "X.Y"}}],
        "bundleItems": [{"id": "9", "type": "Gift", "Attachments": [[{"x": ATTACHMENT_MARKER}]]}],
        "offerings": [{"id": "1", "price": 990, "attachmentOfferings": [ATTACHMENT_MARKER]}],
    }


def shipping(rng: random.Random, items: int) -> dict[str, Any]:
    """ShippingData: logistics for every item, and for some orders long lists of windows."""
    first, last, city, street = rng.choice(_PEOPLE)
    address = {
        "addressType": "residential",
        "receiverName": f"{first} {last}",
        "addressId": f"{rng.getrandbits(64):016x}",
        "postalCode": "01001-000",
        "city": city,
        "state": "SP",
        "country": "BRA",
        "street": street,
        "number": "10A",
        "neighborhood": city,
        "complement": None,
        "geoCoordinates": rng.choice([[], [-46.63, -23.55], [None, "1.5"]]),
    }
    # Large documents have long lists of delivery windows, not of items.
    windows = _windows(rng) if rng.random() < _SHARE_WITH_WINDOWS else []
    return {
        "id": "shippingData",
        "address": address,
        "availableAddresses": [address],
        "logisticsInfo": [
            _logistics(rng, index, [] if index else windows) for index in range(items)
        ],
        "trackingHints": rng.choice([None, []]),
        "pickupPoints": [],
    }


def _logistics(rng: random.Random, index: int, windows: list[dict[str, Any]]) -> dict[str, Any]:
    slas = [
        {
            "id": name,
            "name": name,
            "deliveryChannel": "delivery",
            "deliveryIds": [
                {"courierId": name, "warehouseId": "1_1", "dockId": "1", "quantity": 1}
            ],
            "shippingEstimate": "3bd",
            "lockTTL": "12d",
            "availableDeliveryWindows": windows if name.startswith("AGENDADA") else [],
            "deliveryWindow": None,
            "price": 1181,
            "listPrice": 1181,
            "tax": 0,
            "pickupPointId": None,
            "attachmentOfferings": [],
        }
        for name in ("EXPRESSA", "AGENDADA", "AGENDADA NOITE")
    ]
    return {
        "itemIndex": index,
        "itemId": f"{rng.randrange(1000):04d}",
        "selectedSla": "EXPRESSA",
        "selectedDeliveryChannel": "delivery",
        "shipsTo": ["BRA"],
        "slas": slas,
        "deliveryChannels": [{"id": "delivery", "stockBalance": "10"}],
        "price": 990,
        "listPrice": 990,
        "sellingPrice": 990,
    }


def _windows(rng: random.Random) -> list[dict[str, Any]]:
    times = (
        (f"2018-11-{1 + number % 28:02d}", 8 + 2 * (number // 28))
        for number in range(rng.randint(90, 156))
    )
    return [
        {
            "startDateUtc": f"{day}T{hour:02d}:00:00+00:00",
            "endDateUtc": f"{day}T{hour + 2:02d}:00:00+00:00",
            "price": 0,
            "listPrice": "0",
            "tax": 0,
        }
        for day, hour in times
    ]


def profile(rng: random.Random) -> dict[str, Any]:
    """ClientProfileData of an invented person."""
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


def benefits(rng: random.Random) -> dict[str, Any]:
    """RatesAndBenefitsData, with the two members that the cleanings remove."""
    identifiers = [
        {
            "id": f"{rng.getrandbits(64):016x}",
            "name": "Frete grátis",
            "featured": False,
            "description": "Promoção inventada",
            "matchedParameters": {"Seller@CatalogSystem": ATTACHMENT_MARKER},
            "additionalInfo": {"discount Value": ATTACHMENT_MARKER},
        }
        for _ in range(rng.randint(1, 9))
    ]
    return {"id": "ratesAndBenefitsData", "rateAndBenefitsIdentifiers": identifiers}


def payments(rng: random.Random) -> dict[str, Any]:
    """PaymentData, with everything that the redaction drops."""
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


def item_metadata() -> dict[str, Any]:
    """ItemMetadata, with assembly options."""
    options = [{"id": "Personalização @ camisa", "inputValues": {"L 1": ATTACHMENT_MARKER}}]
    return {"items": [{"id": "100", "seller": "1", "name": "EXEMPLO", "assemblyOptions": options}]}


def custom_data() -> dict[str, Any]:
    """CustomData, with the extra context of a cart and card data inside nested text."""
    context = json.dumps({"a@b": ATTACHMENT_MARKER, "card": {"cardNumber": CARD_MARKER}})
    fields = {"cart-extra-context": context, "cart-type": "REGULAR"}
    nested = json.dumps({"keep": 1.10, "cardNumber": CARD_MARKER})
    return {"customApps": [{"id": "cart", "major": 1, "fields": fields}], "notes": nested}
