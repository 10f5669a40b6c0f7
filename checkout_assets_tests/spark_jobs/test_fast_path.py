"""The fast path takes ordinary texts, gives what the exact path gives, and declines the rest."""

import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_assets.sample.documents import Moment, order
from checkout_assets_tests.spark_jobs.test_conforming_properties import ORDERS, PROFILE
from spark_jobs.conforming import Conformer, Row
from spark_jobs.conforming.fast_path import UnfitError, compile_text, read_outer
from spark_jobs.contract.order_types import OrderType
from spark_jobs.schema import data_columns
from spark_jobs.schema.types import Array, Primitive, Struct, TextMap, Type

TABLES = {OrderType.CHECKOUT: "checkout", OrderType.FULFILLMENT: "fulfillment"}
NESTED = {
    column.source_field: column
    for column in data_columns("fulfillment")
    if not isinstance(column.type, Primitive)
}
MOMENT = Moment(date(2018, 10, 31), date(2018, 11, 1))
TOKEN = r'"[^"\\]*"|-?[0-9][0-9.]*|true|false|null'
ODD_TOKENS = st.sampled_from(
    [
        '"name"', '"NAME"', '"id"', '"ID"', '"price"', '"value"', '"items"', '"payments"', '"cvv"',
        '"CardNumber"', '"itemAttachments"', '"assemblyOptions"', '"additionalInfo"', '"a/b"',
        '"billingAddress"', '"connectorResponses"', '""', '"null"', "null", "true", '"True"', "0",
        "-0", "-0.0", "5", '"5"', "5.0", '"5.0"', "1.10", "1e2", "1e-400", "1e400", "{}", "[]",
        "9223372036854775808", "9007199254740992.0", "4.9999999999999999", '{"a":1,"a":2}', "[{}]",
        '"{\\"pan\\":1}"', '"[1"', '" {}"', '"\\u0063vv"', '":"', '"\\":"', '"\\\\"', "NaN",
        '"a":1,"a"', '"\\u0022\\u0022"', '"cvv":1,"name"', '"name":"a","name"', '"name" ',
    ]
)  # fmt: skip
READ = {field: compile_text(column) for field, column in NESTED.items()}
FAST = {table: Conformer(table) for table in TABLES.values()}
EXACT = {table: Conformer(table, fast=False) for table in TABLES.values()}


def outcome(conformer: Conformer, body: bytes) -> Any:
    """All that conforming gives, comparable: types of numbers count, the order of members not."""
    result = conformer.conform(body)
    if not isinstance(result, Row):
        return result
    line = orjson.dumps(orjson.loads(result.line), option=orjson.OPT_SORT_KEYS)
    return {**vars(result), "line": line}


@st.composite
def nearly_clean_documents(draw: st.DrawFn) -> bytes:
    """An ordinary order in whose nested columns a few keys or scalars were put in others' place."""
    rng = random.Random(draw(st.integers(0, 10**6)))
    document = order(rng, OrderType.FULFILLMENT, "v1", MOMENT)
    nested = [field for field in NESTED if re.search(TOKEN, document.get(field) or "")]
    for field in draw(st.lists(st.sampled_from(nested), min_size=1, max_size=4, unique=True)):
        token = draw(st.sampled_from(list(re.finditer(TOKEN, document[field]))))
        document[field] = (
            document[field][: token.start()] + draw(ODD_TOKENS) + document[field][token.end() :]
        )
    return orjson.dumps(document)


@PROFILE
@given(ORDERS)
def test_both_paths_give_the_same_for_any_document(dirty: tuple[str, bytes]) -> None:
    table, body = dirty
    assert outcome(FAST[table], body) == outcome(EXACT[table], body)


@PROFILE
@given(nearly_clean_documents())
def test_both_paths_give_the_same_for_a_nearly_clean_document(body: bytes) -> None:
    assert outcome(FAST["fulfillment"], body) == outcome(EXACT["fulfillment"], body)


@PROFILE
@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?", fullmatch=True)
)
def test_both_paths_read_every_number_alike(literal: str) -> None:
    tags = f'[{{"value":{literal},"rate":{literal},"rawValue":"{literal}"}}]'
    fields = {"Items": f'[{{"priceTags":{tags}}}]', "Totals": f'[{{"name":{literal}}}]'}
    body = orjson.dumps({"Id": "v1", "LastChange": "2018-10-31", **fields})
    assert outcome(FAST["checkout"], body) == outcome(EXACT["checkout"], body)


@pytest.mark.parametrize("order_type", TABLES)
def test_ordinary_documents_take_the_fast_path_in_every_column(order_type: OrderType) -> None:
    rng = random.Random(20181031)
    for number in range(40):
        document = order(rng, order_type, f"v{number}", MOMENT)
        for field, read in READ.items():
            if document.get(field) not in (None, "", "null"):
                read(document[field])


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("Items", '[{"quantity":"5","price":"7.00"}]', [{"quantity": 5, "price": 7}]),
        ("Items", '[{"price":39995.0,"tax":1e2}]', [{"price": 39995, "tax": 100}]),
        ("Items", '[ { "quantity": 5 }, null ]', [{"quantity": 5}, None]),
        ("Items", '[{"Quantity":5,"NAME":"a"}]', [{"quantity": 5, "name": "a"}]),
        ("Items", '[{"name":null,"components":[],"price":""}]', [{"components": []}]),
        ("Items", '[{"name":5,"refId":true,"unitMultiplier":2}]',
         [{"name": "5", "refId": "true", "unitMultiplier": 2.0}]),
        ("Items", '[{"attachments":[{"a":{"b":1}}],"name":"a"}]', [{"name": "a"}]),
        ("Items", '[{"name":" a","refId":"a\\"b\\":\\\\"}]', [{"name": " a", "refId": 'a"b":\\'}]),
        ("Items", '[{"productCategories":{"1":"A","2":null}}]',
         [{"productCategories": [{"id": "1", "name": "A"}, {"id": "2", "name": None}]}]),
        ("Items", '[{"assemblies":[{"inputValues":{"a":1}}]}]',
         [{"assemblies": [{"inputValues": [{"key": "a", "value": "1"}]}]}]),
        ("TransactionsPendingOperation", '["a",5,null]', ["a", "5", None]),
        ("Items", '[{"name":"[a, b]"}]', [{"name": "[a, b]"}]),
        ("Items", '[{"name" :"a","refId"\n:\t":"}]', [{"name": "a", "refId": ":"}]),
        ("Items", '[{"name":"a\\u0022\\\\u0022\\\\\\u0022\\""}]', [{"name": 'a"\\u0022\\""'}]),
        ("Items", '[{"attachments":' + "[" * 252 + "]" * 252 + ',"name":"a"}]', [{"name": "a"}]),
    ],
)  # fmt: skip
def test_what_converts_without_loss_takes_the_fast_path(field: str, text: str, value: Any) -> None:
    assert READ[field](text)[0] == value


@pytest.mark.parametrize(
    "text",
    [
        '[{"name":"a","name":"a"}]',
        '[{"name":"a","Name":"a"}]',
        '[{"name":null,"Name":"a"}]',
        '[{"Name":null,"NAME":"a"}]',
        '[{"name" :"a","name":"b"}]',
        '[{"attachments":{"a":1,"a":2}}]',
        '[{"name":1.10}]',
        '[{"name":-0}]',
        '[{"tax":0,"unitMultiplier":-0}]',
        '[{"name":123456789012345678901}]',
        '[{"price":9223372036854775808}]',
        '[{"price":1e-400}]',
        '[{"price":4.9999999999999999}]',
        '[{"price":999999999.9999999}]',
        '[{"price":4503599627370497.5}]',
        '[{"price":9007199254740992.0}]',
        '[{"price":5.5}]',
        '[{"price":true}]',
        '[{"name":["a"]}]',
        '[{"unknown":1}]',
        '[{"components":"a"}]',
        '[{"name":"{\\"cardNumber\\":1}"}]',
        '[{"name":"{\\"\\\\u0063vv\\":1}"}]',
        '[{"assemblies":[{"inputValues":{"payments":"{"}}]}]',
        '[{"assemblies":[{"inputValues":{"a\\\\":1,"b":2,"b":3}}]}]',
        '[{"Components":[{"cvv":1}]}]',
        '[{"attachments":{"\\u0022\\u0022":1,"a":[{"b":2,"b":2}]}}]',
        '[{"name":"\\u0022\\u0022","refId":"a","refId":5}]',
        '[{"name":"\\\\\\u0022\\u0022","refId":"a","refId":5}]',
        '[{"attachments":' + "[" * 253 + "]" * 253 + "}]",
        '[{"name":"a"}',
        '[{"name":"\\ud800"}]',
        "{}",
        '"[]"',
        "5",
    ],
)
def test_what_the_paths_might_read_differently_is_declined(text: str) -> None:
    with pytest.raises(UnfitError):
        READ["Items"](text)


def test_redactions_of_the_fast_path_have_the_paths_of_the_source() -> None:
    payments = (
        '{"transactions":[{"payments":[{"id":"1","CVV":"1"},{"cvv":"2","billingAddress":{}}]}]}'
    )
    body = orjson.dumps({"Id": "v1", "LastChange": "2018-10-31", "PAYMENTDATA": payments})
    expected = {
        "/PAYMENTDATA/transactions/*/payments/*/CVV": 1,
        "/PAYMENTDATA/transactions/*/payments/*/cvv": 1,
        "/PAYMENTDATA/transactions/*/payments/*/billingAddress": 1,
    }
    READ["PaymentData"](payments)
    for conformer in (FAST["checkout"], EXACT["checkout"]):
        row = conformer.conform(body)
        assert isinstance(row, Row)
        assert row.redacted == expected


@pytest.mark.parametrize(
    "members",
    [
        r'"HostName":"\u0022\u0022","Sequence":"5","Sequence":"6"',
        r'"HostName":"\\\u0022\u0022","Sequence":"5","Sequence":null',
        r'"HostName":"a\\","OrderGroup":"b\\","Sequence":"5","Sequence":"6"',
        r'"\u0022\u0022":"5","Sequence":"5","Sequence":"6"',
        r'"HostName":"\u0022\"\\u0022","OrderGroup":":","Sequence" :"6"',
        r'"HostName":"\\","OrderGroup":"\\","Status":"\\","Origin":"\\","Sequence":"5","Sequence":"6"',
    ],
)
def test_no_escape_hides_that_a_document_has_a_member_twice(members: str) -> None:
    body = ('{"Id":"v1","LastChange":"2018-10-31",' + members + "}").encode()
    assert outcome(FAST["checkout"], body) == outcome(EXACT["checkout"], body)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"a" : null, "b" :true}',
        r'{"a\"\\":"\u0022\\\"","b\u0022":"\\"}',
        '{"a":"{\\"b\\":1}"}',
    ],
)
def test_a_document_of_scalars_without_repeated_members_takes_the_fast_path(text: str) -> None:
    assert read_outer(text.encode()) == json.loads(text)


@pytest.mark.parametrize("text", ['{"a":1}', '{"a":{}}', "[]", '{"a":"b","a":null}', "{"])
def test_another_document_takes_the_exact_path(text: str) -> None:
    assert read_outer(text.encode()) is None


ODD_VALUES: list[Any] = [
    None, "", "null", "x", "1", '""', "{}", "[]", 0, -1.5, 1e300, False,
    {}, {"": ""}, {"a": {"": [""]}}, [], [""], [[]], [None, "null"],
]  # fmt: skip
Around = Callable[[Any], Any]


def places(kind: Type, around: Around) -> Iterator[Around]:
    """What puts a value into a column: as all of it, and at each place of the schema in it."""
    yield around
    if isinstance(kind, Struct):
        for name, field in kind.fields:
            yield from places(field, _member_of(around, name))
    elif isinstance(kind, Array):
        yield from places(kind.element, lambda value: around([value]))
        yield lambda value: around([None, value])
    elif isinstance(kind, TextMap):
        yield lambda value: around({"k": value})


def _member_of(around: Around, name: str) -> Around:
    return lambda value: around({name: value})


@pytest.mark.parametrize("field", NESTED)
def test_an_odd_value_at_any_place_of_the_schema_is_read_alike(field: str) -> None:
    for around in places(NESTED[field].type, lambda value: value):
        for value in ODD_VALUES:
            text = json.dumps(around(value))
            body = json.dumps({"Id": "v1", "LastChange": "2018-10-31", field: text}).encode()
            fast, exact = (each["fulfillment"].conform(body) for each in (FAST, EXACT))
            assert fast == exact, text
