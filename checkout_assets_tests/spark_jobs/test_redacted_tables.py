"""Card data in lists and tables, where another item of the list or a column's head names it."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checkout_assets_tests.properties import examples
from checkout_assets_tests.spark_jobs.conformed_orders import (
    DATED,
    accepted,
    conform,
    order,
    rescued,
    row_of,
)
from spark_jobs.conforming import Conformer, Row

NUMBER = "4111111111111111"
EXACT = Conformer("checkout", fast=False)
SECRETS = (NUMBER, "4111 1111 1111 1111", "MARIA", "987", "11/2041")


def hidden_everywhere(value: Any) -> str:
    """An order with a value in columns of each kind, in text and not, known and not."""
    in_text = {"a": json.dumps(json.dumps(value))}
    return order(
        PaymentData={"payments": [{"id": "p", "fields": [value]}]},
        CustomData=in_text,
        Unknown=[value],
        Sequence=value,
        Items=[value, {"assemblies": [{"inputValues": in_text}]}],
        MarketingData={"marketingTags": value},
    )


def assert_redacted(body: str) -> None:
    row = accepted(body)
    assert not [secret for secret in SECRETS if secret in row.line.decode()]
    assert row.redacted
    assert row == EXACT.conform(body.encode())


@pytest.mark.parametrize(
    "items",
    [
        ['{"name":"pan"}', NUMBER],
        ['{"name": "cardHolder"}', "MARIA"],
        ['{"key":{"id":"cvv"}}', "987"],
        [json.dumps(json.dumps({"name": "pan"})), int(NUMBER)],
        [b64encode(b'{"name":"pan"}').decode(), NUMBER],
        ['["pan"]', NUMBER],
        [["pan"], NUMBER],
        [{"name": "cardNumber"}, NUMBER],
        [{"name": "cardNumber"}, int(NUMBER)],
        [{"field": {"label": "Validade"}}, "11/2041"],
        ["x", '{"name":"cvv"}', "987", "y"],
        ["cardNumber", [NUMBER]],
        ["cvv", {"value": "987"}],
        ["cvv", [[987]]],
    ],
)
def test_an_item_that_names_card_data_in_any_form_hides_the_next(items: Any) -> None:
    assert_redacted(hidden_everywhere(items))


@pytest.mark.parametrize(
    "items",
    [
        ['{"name":"pan"}', "integral"],
        [{"name": "cardNumber"}, {"name": "email"}],
        [{"name": "cardNumber", "required": True}, {"name": "cvv", "maxLength": 4}],
        ["email", ["cardNumber", "cardHolder"]],
        ["cardNumber", ["email", "cvv"]],
        ["cardNumber", {"required": True, "minLength": 13}],
        [["pan"], "integral"],
        ['{"color":"pan"}', "123"],
    ],
)
def test_items_after_such_a_name_that_are_no_values_stay(items: Any) -> None:
    body = order(CustomData={"a": items}, Unknown=items)
    assert json.loads(row_of(body)["customdata"]) == {"a": items}
    assert rescued(body) == {"/Unknown": json.dumps(json.dumps(items))}
    assert accepted(body).redacted == {}


TABLES = [
    {"headers": ["cardNumber", "cvv"], "values": [NUMBER, "987"]},
    {"columns": [{"name": "cardHolder"}, {"name": "cvv"}], "rows": [["MARIA", "987"]]},
    {"cols": [{"label": "Validade"}, {"label": "CVV"}], "rows": [{"c": [{"v": "987"}]}]},
    {"columns": '["x","cardNumber"]', "rows": f'[["1","{NUMBER}"]]'},
    {"schema": 1, "columns": ["cvv"], "index": [0], "data": [["987"]]},
    {"head": [["id", "cvv"]], "body": [[1, "987"]]},
    {"header": "id,cardNumber,cvv", "rows": ["1,4111 1111 1111 1111,987"]},
    {"header": "id;cvv", "row": "1;987"},
    {"header": {"columns": ["cvv"]}, "cells": ["987"]},
    [["id", "cardNumber", "cvv"], ["1", NUMBER, "987"], ["2", NUMBER, 987]],
    [["cvv"], ["x"], [987], ["987", "y"]],
    [["id", "pan"], [1, int(NUMBER)]],
    [[{"name": "validade"}, {"name": "pan"}], ["11/2041", NUMBER]],
    ['["id","cvv"]', '["1","987"]'],
    ["id,holder of card,cvv", "1,MARIA,987"],
    ["pan|brand", f"{NUMBER}|Visa"],
]


@pytest.mark.parametrize("table", TABLES)
def test_rows_below_names_of_card_data_go(table: Any) -> None:
    assert_redacted(hidden_everywhere(table))


@pytest.mark.parametrize(
    "table",
    [
        [["email", "cardNumber"], ["name", "cvv"]],
        [["id", "cardNumber"], ["1", ""], ["2", None], [3, "last 4"]],
        [["cardHolder", "a", "b"], ["address1", "Rua A 123", ""], ["document", "123456789", ""]],
        [["pan", "flour"], ["integral", "500"]],
        [[1, 2], [411, 1111]],
        [["brand", "Visa"], ["installments", "123"]],
        {"columns": [{"name": "cvv", "value": "A"}], "rows": [[1]], "cells": ["x"]},
        {"name": "cardNumber, please", "text": "in 16 digits"},
        ["payment by card, or slip", "123,45"],
    ],
)
def test_other_rows_stay(table: Any) -> None:
    kept = {**table, "columns": [{"name": "cvv"}]} if isinstance(table, dict) else table
    body = order(CustomData={"a": table})
    left = json.loads(row_of(body)["customdata"])["a"]
    assert left in (table, kept)
    assert set(accepted(body).redacted) <= {"/CustomData/a/columns/*/cvv"}


TEXTS = [
    f"id,cardNumber,cvv\n1,{NUMBER},987",
    "cardNumber;cvv\r\n****1111;987",
    "holder of card,cvv\nMARIA,987",
    "cvv\n987",
    "Orders of May\n\nid\tCVV\n1\t987",
    "sep=;\nid;código de segurança;cvv do cartão\n1;987;987",
    "| id | Card number | CVV |\n|---|---|---|\n| 1 | **** | 987 |",
    "id,cvv\\n1,987",
    'id,"card number","cvv"\n1,"4,5","987"',
    f"id,pan\n1,{NUMBER}",
    "id,%63vv\n1,987",
    "id,n%C3%BAmero do cart%C3%A3o\n1,987",
    "id,cvv," + ",".join(f"column{n}" for n in range(30)) + "\n1,987" + ",x" * 30,
    "https://example.com/?u=https%3A%2F%2Fx%2F%3Fcvv%3D987",
    "a=1&%63vv=987",
    "x=1&n%C3%BAmero%20do%20cart%C3%A3o=987",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_with_a_column_of_card_data_is_dropped(text: str) -> None:
    dropped = f"? ({len(text)} characters)"
    body = order(CustomData=text, Status=text, Unknown={"a": [text]}, OpenTextField={"value": text})
    row = accepted(body)
    assert "987" not in row.line.decode()
    assert row_of(body)["customdata"] == row_of(body)["status"] == dropped
    assert sum(row.redacted.values()) == 4
    assert row == EXACT.conform(body.encode())


@pytest.mark.parametrize(
    "text",
    [
        "cardNumber,cvv\n,",
        "cardNumber,cvv\nphone,email",
        "Please have ready: card number, cvv\nDelivery takes 2 days, or 3",
        "id,giftCardNumber\n1,987",
        "memory card, 32GB\n2 pieces, 100 grams",
        "item,pan\n1,500",
        "100%43",
        "cvv",
    ],
)
def test_any_other_text_with_commas_stays(text: str) -> None:
    body = order(CustomData=text, Unknown=text, Items=[{"name": text}])
    assert row_of(body)["customdata"] == row_of(body)["items"][0]["name"] == text
    assert accepted(body).redacted == {}
    assert accepted(body) == EXACT.conform(body.encode())


MARKER = "4012888888881881"
HEADS = st.sampled_from(["cardNumber", "Número do Cartão", "CVV2", "tarjeta-numero", "card pan"])
OTHERS = st.sampled_from(["id", "brand", "email", "quantity"])


@st.composite
def tables(draw: st.DrawFn) -> Any:
    """A table with the marker in a column of card data, as lists, objects or text."""
    names = draw(st.lists(OTHERS, max_size=3))
    place = draw(st.integers(0, len(names)))
    names.insert(place, draw(HEADS))
    blank = ["x"] * len(names)
    row = [*blank[:place], MARKER, *blank[place + 1 :]]
    rows = [*[blank] * draw(st.integers(0, 2)), row]
    shape = draw(st.integers(0, 4))
    if shape == 0:
        return [names, *rows]
    if shape == 1:
        heads = draw(st.sampled_from([names, [{"name": name} for name in names]]))
        return {draw(st.sampled_from(["headers", "Columns", "cols"])): heads, "rows": rows}
    mark = draw(st.sampled_from(",;|\t"))
    lines = [mark.join(line) for line in (names, *rows)]
    if shape == 2 or len(names) == 1:
        return "\n".join(lines)
    return {"header": lines[0], "rows": lines[1:]} if shape == 3 else lines


@settings(max_examples=examples(200), deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.sampled_from(["CustomData", "Unknown", "Sequence", "Items"]), st.integers(0, 2))
def test_a_marker_in_a_table_reaches_no_row(table: Any, field: str, times: int) -> None:
    for _ in range(times):
        table = json.dumps(table)
    body = json.dumps({**DATED, field: table})
    row = conform(body)
    assert isinstance(row, Row)
    assert MARKER not in row.line.decode()
    assert sum(row.redacted.values()) > 0
    assert row == EXACT.conform(body.encode())


@pytest.mark.parametrize("field", ["CustomData", "Unknown"])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("text", ["Número do Cartão|987", "código do cartão|987"])
def test_a_name_whose_accent_is_escaped_in_json_text_is_seen_on_both_paths(
    text: str, times: int, field: str
) -> None:
    value: Any = {"note": text}
    for _ in range(times):
        value = json.dumps(value)
    body = json.dumps({**DATED, field: value})
    row = conform(body)
    assert isinstance(row, Row)
    assert "987" not in row.line.decode()
    assert row == EXACT.conform(body.encode())
