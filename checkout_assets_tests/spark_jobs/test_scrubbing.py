"""What never reaches the lake: the cleanings and card data, wherever they hide."""

import json
from base64 import b64encode, urlsafe_b64encode
from typing import Any
from urllib.parse import quote

import pytest

from checkout_assets_tests.spark_jobs.conformed_orders import (
    DATED,
    accepted,
    order,
    rescued,
    row_of,
)
from spark_jobs.conforming import Conformer

SECRET = "4111-not-a-card"
EXACT = Conformer("checkout", fast=False)


# Cleanings


@pytest.mark.parametrize(
    "key",
    ["attachments", "attachmentOfferings", "ATTACHMENTS", "itemAttachment", "x attachment.y;@"],
)
def test_a_key_that_contains_attachment_is_removed_at_any_depth(key: str) -> None:
    item: dict[str, Any] = {"id": "1", key: [SECRET]}
    nested = {**item, "bundleItems": [dict(item)], "components": [dict(item)], "unknown": [[item]]}
    body = order(Items=[nested], CustomData={"a": [[{key: SECRET, "b": 1}]]}, **{key: SECRET})
    assert SECRET not in accepted(body).line.decode()
    assert row_of(body)["items"] == [
        {"id": "1", "bundleItems": [{"id": "1"}], "components": [{"id": "1"}]}
    ]
    assert rescued(body) == {"/Items/0/unknown": '[[{"id":"1"}]]'}
    assert json.loads(row_of(body)["customdata"]) == {"a": [[{"b": 1}]]}
    assert accepted(body).redacted == {}
    name = key.lower().replace("/", "~1")
    assert accepted(body).cleaned == {
        f"/items/*/{name}": 1,
        f"/items/*/bundleitems/*/{name}": 1,
        f"/items/*/components/*/{name}": 1,
        f"/items/*/unknown/*/*/{name}": 1,
        f"/customdata/a/*/*/{name}": 1,
        f"/{name}": 1,
    }


@pytest.mark.parametrize(
    ("field", "inside", "left"),
    [
        (
            "ItemMetadata",
            {"items": [{"id": "1", "assemblyOptions": [1]}]},
            {"items": [{"id": "1"}]},
        ),
        ("ItemMetadata", {"Items": [{"ID": "1", "ASSEMBLYOPTIONS": 1}]}, {"items": [{"id": "1"}]}),
        (
            "RatesAndBenefitsData",
            {
                "rateAndBenefitsIdentifiers": [
                    {"id": "1", "matchedParameters": {}, "additionalInfo": 1}
                ]
            },
            {"rateAndBenefitsIdentifiers": [{"id": "1"}]},
        ),
    ],
)
def test_the_documented_places_are_cleaned(field: str, inside: Any, left: Any) -> None:
    body = order(**{field: inside})
    assert row_of(body)[field.lower()] == left
    assert rescued(body) == {}
    assert accepted(body).redacted == {}


def test_the_same_names_elsewhere_stay() -> None:
    info = {"brandName": "B"}
    body = order(Items=[{"additionalInfo": info, "assemblyOptions": 1}], assemblyOptions="x")
    assert row_of(body)["items"] == [{"additionalInfo": info}]
    assert rescued(body) == {"/Items/0/assemblyOptions": "1", "/assemblyOptions": '"x"'}


def test_the_extra_context_of_carts_is_cut_from_custom_data() -> None:
    text = '{"customApps": [ {"fields": {"cart-extra-context": "{}", "a": 1.10}, "id": "x"} ]}'
    row = row_of(order(CustomData=text))
    assert row["customdata"] == '{"customApps": [ {"fields": {"a": 1.10}, "id": "x"} ]}'


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"attachment":1}', "{}"),
        ('{ "attachment" : 1 , "a" : 1 }', '{"a" : 1 }'),
        ('{"a":1.0, "attachment":{"b":[]}, "c":"\\u0041"}', '{"a":1.0, "c":"\\u0041"}'),
        ('{"a":1,"attachment":2}', '{"a":1}'),
        ('{"a":1,"a":2,"attachment":2,"attachments":3}', '{"a":1,"a":2}'),
        ('[{"attachment":1}, 2]', "[{}, 2]"),
    ],
)
def test_what_stays_of_a_text_stays_to_the_letter(text: str, left: str) -> None:
    assert row_of(order(CustomData=text))["customdata"] == left


# Redaction


NAMES = (
    "cardNumber", "card_number", "creditCardNumber", "cardHolder", "card_holder", "cardHolderName",
    "card_holder_name", "holderName", "cardHolderDocument", "cvv", "cvv2", "cvc", "cvc2",
    "securityCode", "security_code", "cardCode", "validationCode", "verificationCode",
    "expireMonth", "expireYear", "expireDate", "expiryMonth", "expiryYear", "expiryDate",
    "expirationMonth", "expirationYear", "expirationDate", "expiration_date", "cardExpiration",
    "cardExpirationDate", "dueMonth", "dueYear", "connectorResponse", "connectorResponses",
    "connector_responses", "numeroCartao", "nomeTitular", "codigoSeguranca", "cardHoldersName",
    "creditCardHolderName", "cardHolderCpf", "card-number", "card.number", "Card Number",
    "Número do cartão", "nu\u0301mero do carta\u0303o de credito", "Titular do cartão",
    "nomeNoCartao", "código de segurança", "validadeCartao", "cpfTitular", "documentoTitular",
    "numeroTarjeta", "numero_de_la_tarjeta", "nroTarjeta", "nombreDelTitular",
    "código-de-seguridad", "vencimientoTarjeta", "nameOnCard", "ccNumber", "cc_exp", "cardNo",
    "card_nbr", "nrCartao", "Nº do cartão", "n° tarjeta", "№ card", "NameAsOnCard",
    "nomeImpressoCartao", "nome_impresso_no_cartao", "donoCartao", "tarjetahabiente", "cc_owner",
    "ccv", "cvv2Code", "CVV-CVC", "cc_cid", "cardVerificationValue", "cardPin", "senha do cartão",
    "cardValidity", "applicationPrimaryAccountNumber",
)  # fmt: skip
"""Card data under any name."""


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_list_is_dropped_in_any_case_at_any_depth_and_counted(name: str) -> None:
    key = name.title()
    hidden: dict[str, Any] = {"id": "p", key: SECRET}
    twice = json.dumps({"inner": json.dumps([hidden])})
    body = order(
        PaymentData={"payments": [hidden], "transactions": [{"payments": [hidden]}]},
        CustomData={"text": twice},
        OpenTextField={"value": json.dumps(hidden)},
        Unknown=[hidden],
        **{key: SECRET},
    )
    row = accepted(body)
    assert SECRET not in row.line.decode()
    assert row.redacted == {
        f"/PaymentData/payments/*/{key}": 1,
        f"/PaymentData/transactions/*/payments/*/{key}": 1,
        f"/CustomData/text/inner/*/{key}": 1,
        f"/OpenTextField/value/{key}": 1,
        f"/Unknown/*/{key}": 1,
        f"/{key}": 1,
    }


@pytest.mark.parametrize(
    "name",
    [
        "cardId", "giftCards", "giftCardNumber", "paymentSystemName", "firstDigits", "lastDigits",
        "bin", "cardNumberLastDigits", "dueDate", "Mensagem do cartão:", "cart-type", "panel",
        "noCard", "number", "card", "titular", "validade", "pan", "csc", "vencimento",
    ],
)  # fmt: skip
def test_other_names_stay(name: str) -> None:
    body = order(Unknown={name: "411111 Z"}, CustomData={name: {"a": "1234"}})
    assert rescued(body) == {"/Unknown": json.dumps(json.dumps({name: "411111 Z"}))}
    assert accepted(body).redacted == {}


@pytest.mark.parametrize(
    ("name", "value", "goes"),
    [
        ("Pan", "integral", False),
        ("pan", "4111 1111 1111 1111", True),
        ("pan", 4111111111111111, True),
        ("pan", ["4111-1111-1111-1111"], True),
        ("csc", "Curitiba", False),
        ("csc", "123", True),
        ("validade", "2027-10-31", False),
        ("validade", "10/27", True),
        ("dataVencimento", "2018-10", False),
        ("mesVencimento", "4111111111111111", True),
        ("titular", "A", False),
        ("tarjeta", "4111111111111111", True),
        ("number", "4111111111111111", False),
        ("cc", "buyer@example.com", False),
        ("cc", "4111111111111111", True),
        ("panNumber", "4111111111111111", True),
        ("fpan", "4111111111111111", True),
        ("full_pan", "4111111111111111", True),
        ("cvn", "123", True),
        ("verification_value", "123", True),
        ("codSeg", "123", True),
        ("verification_value", "a", False),
        ("expired_month", "A", False),
    ],
)
def test_an_ambiguous_name_is_dropped_where_its_value_could_be_card_data(
    name: str, value: Any, goes: bool
) -> None:
    body = order(Unknown=[{name: value}], Items=[{"assemblies": [{"inputValues": {name: value}}]}])
    goes = goes or name == "dataVencimento"
    paths = {f"/Unknown/*/{name}", f"/Items/*/assemblies/*/inputValues/{name}"}
    assert accepted(body).redacted.keys() == (paths if goes else set())
    below = order(PaymentData={"payments": [{"id": "p", name: value}]})
    dropped = name not in {"number", "cc"} or "4111" in str(value)
    assert accepted(below).redacted == ({f"/PaymentData/payments/*/{name}": 1} if dropped else {})


@pytest.mark.parametrize("named", ["name", "KEY", "id", "field", "Code", "label", "type", "Campo"])
@pytest.mark.parametrize("valued", ["value", "Values", "val", "content", "text", "valor"])
def test_a_name_and_a_value_are_a_member_of_that_name(named: str, valued: str) -> None:
    pair = {named: "número do cartão", valued: SECRET, "other": 1}
    fields = {"fields": [pair]}
    body = order(
        PaymentData={"payments": [{"id": "p", **fields}]},
        CustomData={"text": json.dumps(fields)},
        Unknown=[pair],
        RatesAndBenefitsData={"teasers": [{"conditions": {"parameters": [pair]}}]},
        Items=[{"assemblies": [{"inputValues": pair}]}],
    )
    row = accepted(body)
    assert SECRET not in row.line.decode()
    assert {path.rsplit("/", 1)[1] for path in row.redacted} == {"número do cartão"}
    assert sum(row.redacted.values()) == 5


@pytest.mark.parametrize(
    "pair",
    [
        {"question": "Card number?", "answer": SECRET},
        {"field": {"name": "cardNumber"}, "value": SECRET},
        {"name": "cardNumber", "currentValue": SECRET},
        {"id": "cardNumber", "inputValue": SECRET},
        ["cardNumber", SECRET],
        ["cardHolder", SECRET],
        [["a", "b"], ["x", 1, "cardNumber", SECRET, "cvv", 4111]],
        ["pan", "4111111111111111"],
        [["expiry", "11/2041"], ["cid", 4111]],
        {"propertyName": "cardNumber", "propertyValue": SECRET},
        {"fieldId": "card-number", "fieldValue": SECRET},
        {"slug": "card-number", "default": SECRET},
        {"header": "Card number", "cell": SECRET},
        {"$": {"name": "cardNumber"}, "_": SECRET},
        {"attributes": {"name": "cardNumber"}, "$t": SECRET},
        {"description": "Validade", "value": "11/2041"},
        {"names": ["x", "cardNumber"], "values": ["1", SECRET]},
        {"columns": ["x", "cardNumber"], "rows": [["1", SECRET], ["2", SECRET]]},
    ],
)
def test_a_name_beside_or_before_its_value_is_that_of_a_member(pair: Any) -> None:
    in_text = {"a": json.dumps(json.dumps(pair))}
    body = order(
        PaymentData={"payments": [{"id": "p", "fields": [pair]}]},
        CustomData=in_text,
        Unknown=[pair],
        Items=[{"assemblies": [{"inputValues": in_text}]}],
    )
    assert not any(value in accepted(body).line.decode() for value in ("4111", "2041"))
    assert accepted(body).redacted
    assert sum(accepted(body).redacted.values()) % 4 == 0


@pytest.mark.parametrize("named", ["name", "Name", "KEY", "Id", "fieldName", "label"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        (r'"\u0070an"', "4111111111111111"),
        (r"\u0063ardHolder", SECRET),
        (r"\x63vv", "4111"),
        ("%63ardHolder", SECRET),
        ("%2563ardHolder", SECRET),
        ('{"name": "cardHolder"}', SECRET),
        ('{"name": "pan", "value": ""}', "4111111111111111"),
        (json.dumps(json.dumps({"key": "cardHolder"})), SECRET),
        ({"name": {"key": {"id": "cardHolder"}}}, SECRET),
        ({"name": '{"id": "cardHolder"}'}, SECRET),
        ("eyJuYW1lIjoiY2FyZEhvbGRlciJ9", SECRET),
        (["pan"], "4111111111111111"),
        ([["cardNumber"]], 4111111111111111),
        ({"cardNumber": ""}, "4111111111111111"),
        ([{"x": {"pan": 1}}], ["4111111111111111"]),
        ('["pan"]', '["4111111111111111"]'),
        ("pan", json.dumps('["4111111111111111"]')),
        ("cid", '"4111"'),
        ("validade", '"11/2041"'),
    ],
)
def test_a_name_in_a_text_a_list_or_an_object_is_read(named: str, name: Any, value: Any) -> None:
    pair = {named: name, "value": value}
    body = order(
        PaymentData={"payments": [{"id": "p", "fields": [pair]}]},
        CustomData={"a": json.dumps(json.dumps(pair))},
        Unknown=[pair],
        Sequence=pair,
        Items=[{"assemblies": [{"inputValues": pair}]}],
        RatesAndBenefitsData={"teasers": [{"conditions": {"parameters": [pair]}}]},
    )
    row = accepted(body)
    assert not any(part in row.line.decode() for part in (SECRET, "4111", "2041"))
    assert row == EXACT.conform(body.encode())


@pytest.mark.parametrize("key", [r"\u0063ardHolder", r"\x63ardHolder", "%63ardHolder", "%2563vv"])
def test_a_name_whose_letters_are_escaped_is_the_same_name(key: str) -> None:
    inside = {key: SECRET}
    body = order(CustomData=inside, Unknown={"a": json.dumps(inside)}, Sequence=[key, SECRET])
    assert SECRET not in accepted(body).line.decode()
    redacted = {path for path in accepted(body).redacted if path.endswith(f"/{key}")}
    assert redacted == {f"/CustomData/{key}", f"/Unknown/a/{key}", f"/Sequence/{key}"}


@pytest.mark.parametrize(
    "text",
    [
        r'{"\x63ardNumber": "..."}',
        r'{"\U0063ardNumber": ',
        "%7B%22%63ardNumber%22%3A%22...%22%7D",
        "%7B%22c%25%36%31rdNumber%22%3A%22...%22%7D",
        "%7B%22n%C3%BAmero%20do%20cart%C3%A3o%22%3A1",
    ],
)
def test_text_that_names_card_data_in_escaped_letters_is_dropped(text: str) -> None:
    dropped = f"? ({len(text)} characters)"
    body = order(CustomData={"a": [text]}, Sequence=text, Unknown=json.dumps(text))
    row = accepted(body)
    assert row.line.decode().count(dropped) == 3
    assert sum(row.redacted.values()) == 3


def test_lists_of_text_are_read_as_names_and_values_too() -> None:
    body = order(MarketingData={"marketingTags": ["cardNumber", SECRET, "x"]})
    assert row_of(body)["marketingdata"] == {"marketingTags": ["cardNumber", "x"]}
    assert accepted(body).redacted == {"/MarketingData/marketingTags/cardNumber": 1}


@pytest.mark.parametrize(
    "value",
    [
        {"required": ["email", "cardNumber", "cardHolder", "pan", "exp", "cid", "document"]},
        {"code": "CHK1", "fields": ["cardNumber"], "text": "Cartão inválido"},
        {"names": ["email", "card"], "values": ["a@example.com", "Visa"]},
        {"label": "Cartão", "value": "Visa"},
        {"fields": {"color": "red", "x": ["cardNumber"]}, "value": 1000},
        {"fields": '{"a": ["cardHolder"]}', "value": 1000},
        {"name": "100%", "value": "50%20"},
    ],
)
def test_lists_of_names_stay(value: Any) -> None:
    body = order(CustomData=value, PaymentData={"payments": [{"id": "p", "x": value}]})
    assert json.loads(row_of(body)["customdata"]) == value
    assert accepted(body).redacted == {}


NUMBER = "4111111111111111"


@pytest.mark.parametrize(
    "name",
    ["fullCardNumber", "cardNumberText", "id_cartao", "cleanTarjeta", "card.visa", "cardToken"],
)
@pytest.mark.parametrize("value", [NUMBER, int(NUMBER), [NUMBER], {"value": "4111 1111 1111 1111"}])
def test_a_name_that_mentions_a_card_is_dropped_if_its_value_is_a_card_number(
    name: str, value: Any
) -> None:
    for field in ("CustomData", "Unknown", "PaymentData"):
        row = accepted(order(**{field: {name: value, "note": "4111"}}))
        assert sum(row.redacted.values()) == 1
        assert NUMBER[:4] + NUMBER[:4] not in row.line.decode().replace(" ", "")
    other = order(CustomData={name: "4111111111111112"}, Unknown={"giftCardCode": NUMBER})
    assert accepted(other).redacted == {}


@pytest.mark.parametrize("name", ["x", "observação", "tid", "TID", "value", "a" * 99])
@pytest.mark.parametrize(
    "value",
    [
        NUMBER,
        int(NUMBER),
        "4111-1111-1111-1111",
        f" {NUMBER}",
        f"paid with {NUMBER}, thanks",
        ["a", [NUMBER]],
        json.dumps([NUMBER]),
        json.dumps(json.dumps({"y": NUMBER})),
        {"y": NUMBER},
        {"y": [{"key": "z", "value": int(NUMBER)}]},
        f"{{'y': '{NUMBER}'",
    ],
)
def test_a_card_number_below_payments_is_dropped_under_any_name(name: str, value: Any) -> None:
    payments = {"payments": [{"id": "p", "group": "g", name: value, "firstDigits": "411111"}]}
    fields = {"PaymentData": payments, "CustomData": payments, "Unknown": payments}
    for body in (order(**fields), json.dumps({**DATED, **fields})):
        row = accepted(body)
        assert NUMBER not in row.line.decode().replace("-", "")
        assert row.line.count(b"411111") == 3
        assert sum(row.redacted.values()) == 3
        assert row.card_numbers == {}


@pytest.mark.parametrize("value", ["411111******1111", "4111111111111112", "411111", 1111, None])
def test_other_values_below_payments_stay(value: Any) -> None:
    payments = {"payments": [{"id": "p", "tid": value, "x": value}]}
    row = accepted(order(PaymentData=payments, CustomData=payments))
    assert json.loads(row_of(order(CustomData=payments))["customdata"]) == payments
    assert row.redacted == {}


@pytest.mark.parametrize("name", ["card", "tarjeta", "cardDetails"])
def test_names_in_the_text_of_a_card_are_those_of_a_card(name: str) -> None:
    card = {"number": SECRET, "n": NUMBER}
    body = order(
        Unknown={name: json.dumps(card)},
        CustomData={"a": [{name: json.dumps(card)}]},
        Items=[{"assemblies": [{"inputValues": {name: card}}]}],
    )
    assert "4111" not in accepted(body).line.decode()
    assert sum(accepted(body).redacted.values()) == 6


@pytest.mark.parametrize("number", ["number", "numero", "Num", "account_number"])
@pytest.mark.parametrize("sibling", ["cvc", "exp_month", "expiration", "holder", "security code"])
@pytest.mark.parametrize("value", [NUMBER, int(NUMBER), "4111 1111 1111 1111"])
def test_a_card_number_beside_an_expiry_a_code_or_a_holder_makes_a_card(
    number: str, sibling: str, value: Any
) -> None:
    card = {"name": SECRET, sibling: SECRET, number: value, "brand": "Visa", "last4": "1111"}
    body = order(
        CustomData={"a": card},
        Unknown=[json.dumps(card)],
        ShippingData={"address": {**card, "number": value}},
        Items=[{"assemblies": [{"inputValues": card}]}],
    )
    row = accepted(body)
    assert SECRET not in row.line.decode()
    assert NUMBER[:4] + NUMBER[:4] not in row.line.decode().replace(" ", "")
    assert json.loads(row_of(body)["customdata"]) == {"a": {"brand": "Visa", "last4": "1111"}}


@pytest.mark.parametrize(
    "value",
    [
        {"number": NUMBER, "name": "A"},
        {"number": "4111111111111112", "expiration": "A", "holder": "A"},
        {"number": "1001", "holder": "A", "street": "B"},
    ],
)
def test_any_other_number_makes_no_card(value: Any) -> None:
    body = order(CustomData=value)
    assert json.loads(row_of(body)["customdata"]) == value
    assert accepted(body).redacted == {}


@pytest.mark.parametrize(
    "key",
    [
        json.dumps({"cardNumber": NUMBER, "note": "x" * 99}),
        f"cardNumber={NUMBER}",
        f"card[number]: {NUMBER}",
        f"<pan>{NUMBER}</pan>",
        f"PAN={NUMBER}",
    ],
)
def test_a_body_that_was_read_as_a_form_is_a_name_and_goes(key: str) -> None:
    """Some servers take a whole body for the name of a form's field without a value."""
    for value in ("", {"x": 1}):
        member = {key: value, "a": "b"}
        row = accepted(
            order(
                CustomData=member,
                Unknown=[json.dumps(member)],
                PaymentData={"payments": [{"id": "p", **member}]},
                Items=[{"assemblies": [{"inputValues": member}]}],
            )
        )
        assert NUMBER not in row.line.decode()
        assert sum(row.redacted.values()) == 4


@pytest.mark.parametrize("number", [NUMBER, "4111-1111-1111-1111"])
def test_a_card_number_as_a_name_goes_where_cards_are_the_matter(number: str) -> None:
    body = order(
        PaymentData={"payments": [{"id": "p", "x": {number: {"brand": "Visa"}}}]},
        CustomData={"savedCards": {number: "Visa"}, "a": {"b": 1}},
    )
    assert number not in accepted(body).line.decode()
    assert sum(accepted(body).redacted.values()) == 2
    elsewhere = order(CustomData={"sizes": {number: "1"}, "4111111111111112": "2"})
    assert accepted(elsewhere).redacted == {}
    assert accepted(elsewhere).card_numbers == {"customdata": 1}


@pytest.mark.parametrize("name", ["encryptedCvv", "paymentSecurityCode", "codigoDeSegurancaTela"])
def test_a_name_that_mentions_a_security_code_is_dropped_if_its_value_could_be_one(
    name: str,
) -> None:
    for field in ("CustomData", "Unknown", "PaymentData"):
        assert len(accepted(order(**{field: {name: "0123", "a": [{name: 987}]}})).redacted) == 2
        assert accepted(order(**{field: {name: "M", "a": [{name: True}]}})).redacted == {}


@pytest.mark.parametrize("name", ["accountNumber", "acct_num", "fullNumber", "número completo"])
def test_a_number_of_a_payment_is_dropped_if_it_could_be_a_card_number(name: str) -> None:
    below = order(PaymentData={"payments": [{"id": "p", name: NUMBER}, {name: "12345-6"}]})
    assert accepted(below).redacted == {f"/PaymentData/payments/*/{name}": 1}
    assert accepted(order(CustomData={name: NUMBER})).redacted == {}


def test_a_name_and_a_value_of_something_else_stay() -> None:
    totals = [{"id": "payments", "name": "Card", "value": 100}, {"id": "Tax", "value": 5}]
    body = order(
        Totals=totals, PaymentData={"giftCards": [{"id": "1", "name": "Card", "value": 1000}]}
    )
    assert row_of(body)["totals"] == totals
    assert row_of(body)["paymentdata"]["giftCards"][0]["value"] == 1000
    assert accepted(body).redacted == {}


@pytest.mark.parametrize("name", ["card", "creditCard", "Cartão", "tarjeta", "cardInfo", "cards"])
def test_a_card_below_payments_goes_whole(name: str) -> None:
    card = {"holder": SECRET, "number": SECRET, "expiration": SECRET}
    for value in (card, [card], json.dumps(card), "4111 1111 1111 1111 " + SECRET):
        body = order(PaymentData={"payments": [{"id": "p", name: value}]})
        assert accepted(body).redacted == {f"/PaymentData/payments/*/{name}": 1}
        assert SECRET not in accepted(body).line.decode()
    body = order(PaymentData={"payments": [{"id": "p", name: "Visa"}]})
    assert rescued(body) == {f"/PaymentData/payments/0/{name}": '"Visa"'}


def test_names_inside_a_card_elsewhere_are_those_of_a_card() -> None:
    card = {"holder": SECRET, "number": SECRET, "expiration": SECRET, "brand": "Visa"}
    body = order(CustomData={"card": card, "holder": {"name": SECRET}})
    assert json.loads(row_of(body)["customdata"]) == {"card": {"brand": "Visa"}, "holder": {}}
    assert sum(accepted(body).redacted.values()) == 4


def test_billing_addresses_are_dropped_below_payments_only() -> None:
    payment = {"id": "p", "x": {"BillingAddress": {"street": SECRET}}}
    for name in ("billing_details", "endereço de cobrança", "direccionFacturacion"):
        below = accepted(order(PaymentData={"payments": [{"id": "p", name: {"name": SECRET}}]}))
        assert below.redacted == {f"/PaymentData/payments/*/{name}": 1}
    body = order(PaymentData={"payments": [payment]}, Unknown={"PAYMENTS": [payment]})
    assert accepted(body).redacted == {
        "/PaymentData/payments/*/x/BillingAddress": 1,
        "/Unknown/PAYMENTS/*/x/BillingAddress": 1,
    }
    assert SECRET not in accepted(body).line.decode()
    elsewhere = order(Unknown={"billingAddress": {"street": "S"}})
    assert rescued(elsewhere) == {"/Unknown": json.dumps('{"billingAddress": {"street": "S"}}')}


@pytest.mark.parametrize("key", ["PaymentData", "paymentDATA", "payments"])
@pytest.mark.parametrize("times_quoted", [0, 1, 2])
def test_payment_data_that_does_not_parse_is_dropped_whole(key: str, times_quoted: int) -> None:
    text = f'{{"payments":[{{"cardNumber":"{SECRET}'
    for _ in range(times_quoted):
        text = json.dumps(text)
    for body in (order(**{key: text}), order(Unknown={"a": [{key: text}]})):
        row = accepted(body)
        assert SECRET not in row.line.decode()
        assert sum(row.redacted.values()) == 1


@pytest.mark.parametrize("keys", [("PaymentData", "PaymentData"), ("paymentdata", "PAYMENTDATA")])
def test_unreadable_payment_data_does_not_displace_a_readable_duplicate(
    keys: tuple[str, str],
) -> None:
    members = [f'"{keys[0]}":"{{\\"id\\":\\"p\\"}}"', f'"{keys[1]}":"{{trunc"']
    for pair in (members, members[::-1]):
        row = row_of(order()[:-1] + "," + ",".join(pair) + "}")
        assert row["paymentdata"] == {"id": "p"}
        assert "_rescued" not in row


@pytest.mark.parametrize(
    "value",
    ["4111111111111111", 4111111111111111, True, ["4111"], [["x"]], "[5]", '"4111"', [{}, "4111"]],
)
@pytest.mark.parametrize("key", ["PaymentData", "payments", "Payment_Data"])
def test_payments_that_are_no_objects_are_dropped_whole(key: str, value: Any) -> None:
    for body in (order(**{key: value}), order(Unknown={"a": [{key: value}]})):
        row = accepted(body)
        assert "4111" not in row.line.decode()
        assert "_rescued" not in row_of(body) or rescued(body) == {
            "/Unknown": json.dumps(json.dumps({"a": [{}]}))
        }
        assert sum(row.redacted.values()) == 1


def test_payments_that_are_nothing_or_objects_stay_even_where_they_are_rescued() -> None:
    body = order(
        PaymentData='[{"id":"p"}]', Unknown={"payments": "null", "paymentData": "", "a": 1}
    )
    assert rescued(body) == {
        "/PaymentData": '[{"id":"p"}]',
        "/Unknown": json.dumps('{"payments": "null", "paymentData": "", "a": 1}'),
    }
    assert accepted(body).redacted == {}


# Text that does not parse

UNREADABLE = [
    f'{{"cardNumber":"{SECRET}",}}',
    f"{{'cardNumber':'{SECRET}'}}",
    f'{{"cardNumber":"{SECRET}","x":NaN}}',
    f'{{"cardNumber":"{SECRET}"}}\n{{"cardNumber":"{SECRET}"}}',
    f'{{"cardNumber":"{SECRET}',
    f'\ufeff{{"cardNumber":"{SECRET}"}}',
    f'\u00a0{{"cardNumber":"{SECRET}"}}',
    f'{{"n\\u00famero do cart\\u00e3o":"{SECRET}",}}',
    f'{{"\\u0063ardNumber":"{SECRET}",}}',
    f"[{{'name':'card_number','value':'{SECRET}'}}]",
    f"{{'payments':[{{'x':'{SECRET}'}}]}}",
    f"{{'pan':'4111111111111111','x':'{SECRET}'}}",
    f"<cardNumber>{SECRET}</cardNumber>",
    f"%7B%22cardNumber%22%3A%22{SECRET}%22%7D",
    f"{{&quot;cardNumber&quot;:&quot;{SECRET}&quot;}}",
    f"cardNumber={SECRET}&x=1",
    f"https://example.com/?x=1&card[number]={SECRET}",
    f'callback({{"numeroTarjeta": "{SECRET}"}})',
    f"Card Number: {SECRET}",
    f"cvv={SECRET}",
    f"cardNumber -> {SECRET}",
    f"name=cardNumber&value={SECRET}",
    "{cardNumber4111111111111111 " + SECRET,
    f"{{'fullCardNumber': '4111111111111111', 'x': '{SECRET}'}}",
    quote(quote(f'{{"cardNumber":"{SECRET}"}}')),
    "?" + quote(quote(quote(f'cardNumber="{SECRET}"'))),
    b64encode(b'{"cardNumber":"%s"}' % SECRET.encode()).decode(),
    urlsafe_b64encode(b'{"cardNumber":"%s"}' % SECRET.encode()).decode()[:-4],
    "eyJhbGciOiJIUzI1NiJ9." + b64encode(b'{"cardNumber":"%s"}' % SECRET.encode()).decode() + ".x",
    f'{{"cardNumber":"{SECRET}"}}'.replace('"', "\\x22"),
    f"id,cardNumber,cvv\n1,4111111111111111,{SECRET}",
    f"Titular;Número do cartão\r\n{SECRET};4111 1111 1111 1111",
    f"holder\tcard number\n{SECRET}\t4111111111111111",
    f"https://example.com/?pan=4111111111111111&x={SECRET}",
    f"tarjeta: 4111-1111-1111-1111, {SECRET}",
]


@pytest.mark.parametrize("text", UNREADABLE)
@pytest.mark.parametrize("times_quoted", [0, 1, 3])
def test_a_text_that_names_card_data_and_does_not_parse_is_dropped(
    text: str, times_quoted: int
) -> None:
    mark = f"? ({len(text)} characters)"
    for _ in range(times_quoted):
        text, mark = json.dumps(text), json.dumps(mark)
    body = order(
        CustomData=text,
        Status=text,
        Unknown=text,
        OpenTextField={"value": text},
        Items=[{"name": text, "unknown": [text], "assemblies": [{"inputValues": {"a": text}}]}],
        ShippingData=text,
    )
    row = accepted(body)
    assert SECRET not in row.line.decode()
    assert row_of(body)["customdata"] == row_of(body)["status"] == mark
    assert row_of(body)["items"][0]["name"] == mark
    assert sum(row.redacted.values()) == 8
    assert row.redacted["/Items/*/assemblies/*/inputValues/a"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "my card number is 4111 1111 1111 1111",
        "card: as a gift, please",
        "{see the card}",
        "[a, b",
        '{"a":1,}',
        "https://example.com/giftcard?number=1",
        "cartão de memória 32GB",
        "cardNumber,cvv\n,",
        "I have a card number,\nbut it is none of 4111111111111112",
        "https://example.com/?pan=wok&ean=4111111111111112",
        "'Pan' integral",
        b64encode(b'{"a":"b", "c":"card"}').decode(),
        "eyJ",
    ],
)
def test_other_text_that_does_not_parse_stays(text: str) -> None:
    body = order(CustomData=text, Unknown=text, Items=[{"name": text}])
    assert row_of(body)["customdata"] == row_of(body)["items"][0]["name"] == text
    assert rescued(body) == {"/Unknown": json.dumps(text, ensure_ascii=False)}
    assert accepted(body).redacted == {}


def test_redaction_comes_before_the_choice_among_duplicates_and_before_rescue() -> None:
    inside = '{\\"cvv\\":1,\\"a\\":2}'
    body = order()[:-1] + f',"Status":"{inside}","Status":"{inside}"}}'
    assert row_of(body)["status"] == '{"a":2}'
    assert rescued(body) == {"/Status": json.dumps('{"a":2}')}
    assert accepted(body).redacted == {"/Status/cvv": 2}


def test_of_two_members_of_one_name_the_one_that_is_redacted_is_no_rival() -> None:
    """Redaction comes before the rule that the last of duplicates is used."""
    twice = '[{"productCategories":{"pan":"bread","pan":"4111111111111111"}}]'
    body = order(Items=twice)
    assert row_of(body)["items"][0]["productCategories"] == [{"id": "pan", "name": "bread"}]
    assert rescued(body) == {}
    assert accepted(body).redacted == {"/Items/*/productCategories/pan": 1}


@pytest.mark.parametrize(
    "card",
    [
        ["holder", "Maria Quintana"],
        ["validade", "31 de maio"],
        [["holder", "Maria Quintana"], ["brand", "Visa"]],
    ],
)
def test_a_list_below_a_card_that_names_its_value_is_read_as_a_member(card: Any) -> None:
    told = "Maria Quintana", "31 de maio"
    row = accepted(order(card=card))
    assert not any(text in row.line.decode() for text in told)
    assert sum(row.redacted.values()) == 1


def test_a_list_of_names_below_a_card_stays() -> None:
    body = order(card=["validade", "cardNumber"])
    assert "cardNumber" in rescued(body)["/card"]
    assert accepted(body).redacted == {}


@pytest.mark.parametrize("number", ["4111111111111111", 4111111111111111])
@pytest.mark.parametrize(
    ("column", "path"),
    [
        ({"Items": "here"}, "/Items/cardNumber"),
        ({"Items": [{"components": "here"}]}, "/Items/*/components/cardNumber"),
        ({"ShippingData": {"logisticsInfo": "here"}}, "/ShippingData/logisticsInfo/cardNumber"),
    ],
)
def test_a_list_in_the_place_of_objects_that_names_its_value_loses_it(
    column: dict[str, Any], path: str, number: Any
) -> None:
    text = json.dumps(column).replace('"here"', json.dumps(["cardNumber", number]))
    row = accepted(order(**json.loads(text)))
    assert "4111" not in row.line.decode()
    assert row.redacted == {path: 1}
