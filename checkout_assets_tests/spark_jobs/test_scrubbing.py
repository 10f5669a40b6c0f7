"""What never reaches the lake: the cleanings and card data, wherever they hide."""

import json
from typing import Any

import pytest

from checkout_assets_tests.spark_jobs.conformed_orders import accepted, order, rescued, row_of
from spark_jobs.schema.removals import REDACTED

SECRET = "4111-not-a-card"


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


def test_the_list_holds_the_known_spellings_of_card_data() -> None:
    known = {
        "cardnumber", "cardholder", "cardholdername", "holdername", "cvv", "cvc", "securitycode",
        "validationcode", "expirydate", "expirationdate", "expiremonth", "expireyear", "duedate",
        "connectorresponses", "connectorresponse",
    }  # fmt: skip
    # The due date of a payment slip is no card's expiry: it is a column.
    assert known - REDACTED == {"duedate"}


@pytest.mark.parametrize("name", sorted(REDACTED))
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


def test_billing_addresses_are_dropped_below_payments_only() -> None:
    payment = {"id": "p", "x": {"BillingAddress": {"street": SECRET}}}
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


def test_readable_payment_data_stays_even_where_it_is_rescued() -> None:
    body = order(PaymentData="[5]", Unknown={"payments": "null", "paymentData": ""})
    assert rescued(body) == {
        "/PaymentData": "[5]",
        "/Unknown": json.dumps('{"payments": "null", "paymentData": ""}'),
    }
    assert accepted(body).redacted == {}


def test_redaction_comes_before_the_choice_among_duplicates_and_before_rescue() -> None:
    inside = '{\\"cvv\\":1,\\"a\\":2}'
    body = order()[:-1] + f',"Status":"{inside}","Status":"{inside}"}}'
    assert row_of(body)["status"] == '{"a":2}'
    assert rescued(body) == {"/Status": json.dumps('{"a":2}')}
    assert accepted(body).redacted == {"/Status/cvv": 2}
