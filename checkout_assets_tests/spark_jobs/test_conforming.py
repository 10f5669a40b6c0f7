"""The rules of structuring, one test each, and the odd documents the source is known to hold."""

import json
import time
from typing import Any

import pytest

from checkout_assets_tests.spark_jobs.conformed_orders import (
    DATED,
    accepted,
    conform,
    order,
    rejected,
    rescued,
    row_of,
)
from spark_jobs.conforming import Rejected, Row

# Which documents are orders


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        (b'{"Id":"\xff"}', "not_utf8", "invalid start byte at byte 7"),
        (b'\xef\xbb\xbf{"Id":"\xff"}', "not_utf8", "invalid start byte at byte 10"),
        (b"", "not_json", "syntax at byte 0"),
        (b"one big string", "not_json", "syntax at byte 0"),
        ('{"é":1,}', "not_json", "syntax at byte 8"),
        ('{"é":[1, \n ],}', "not_json", "syntax at byte 12"),
        ('{"a":NaN}', "not_json", "constant at byte 5"),
        ('{"a":"NaN","b":-Infinity}', "not_json", "constant at byte 15"),
        (r'{"a":"\ud83d"}', "not_json", "surrogate at byte 6"),
        (r'{"a":"\ude00\ud83d"}', "not_json", "surrogate at byte 6"),
        ("[" * 257 + "]" * 257, "not_json", "depth at byte 256"),
        ('["an", "array"]', "not_an_object", "array at byte 0"),
        ('\ufeff"one big string"', "not_an_object", "string at byte 3"),
        ("12", "not_an_object", "number at byte 0"),
        ("null", "not_an_object", "null at byte 0"),
        ("true", "not_an_object", "boolean at byte 0"),
        ('{"LastChange":"2018-10-31"}', "no_id", "id at byte 0"),
        ('{"Id":"\\u00a0 "}', "no_id", "id at byte 0"),
        ('{"Id":"null"}', "no_id", "id at byte 0"),
        ('{"Id":null}', "no_id", "id at byte 0"),
        ('{"Id":true}', "no_id", "id at byte 0"),
        ('{"Id":"v1"}', "no_date", "date at byte 0"),
    ],
)
def test_the_first_rule_a_document_breaks_is_its_reason(
    body: bytes | str, reason: str, detail: str
) -> None:
    assert rejected(body) == Rejected(reason, detail)


@pytest.mark.parametrize(("text", "kept"), [("12345678E90", "12345678E90"), ('"0012"', "0012")])
def test_an_id_is_text_or_a_number_by_its_literal(text: str, kept: str) -> None:
    body = f'{{"iD":{text},"LastChange":"2018-10-31"}}'
    assert row_of(body)["id"] == kept


def test_a_byte_order_mark_is_no_part_of_the_document() -> None:
    assert row_of("\ufeff" + order()) == row_of(order())


@pytest.mark.parametrize("depth", [255, 256, 257])
def test_a_document_may_be_256_levels_deep(depth: int) -> None:
    inner = depth - 1
    body = order()[:-1] + ',"deep":' + "[" * inner + "]" * inner + "}"
    result = conform(body)
    assert isinstance(result, Row) == (depth <= 256)


@pytest.mark.parametrize("depth", [256, 257])
def test_text_in_a_document_may_be_256_levels_deep(depth: int) -> None:
    text = "[" * (depth - 1) + '{"cvv":1}' + "]" * (depth - 1)
    row = accepted(order(CustomData=text))
    path = "/CustomData" + "/*" * (depth - 1) + "/cvv" if depth == 256 else "/CustomData"
    assert row.redacted == {path: 1}


def test_text_in_text_without_end_is_no_json() -> None:
    text = "1"
    for _ in range(20):
        escaped = text.replace("\\", "\\u005c").replace('"', "\\u0022")
        text = "[" * 250 + f'"{escaped}"' + "]" * 250
    assert rejected(order(CustomData=text)) == Rejected("not_json", "depth at byte 0")
    assert isinstance(conform(order()), Row)


# The day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2018-10-31", "2018-10-31"),
        ("2018-10-31 23:59", "2018-10-31"),
        ("2018-10-31T23:59:59-03:00", "2018-10-31"),
        ("2016-02-29T", "2016-02-29"),
        ("1900-01-01", "1900-01-01"),
        ("2199-12-31", "2199-12-31"),
        ("1899-12-31", None),
        ("2200-01-01", None),
        ("2018-02-31", None),
        ("2018-10-31X", None),
        ("2018-10-31\n", None),
        ("2018-1-31", None),
        ("\u0662018-10-31", None),
        (" 2018-10-31", None),
        ("null", None),
        ("", None),
    ],
)
def test_a_day_is_a_real_date_of_three_centuries_as_it_is_written(
    text: str, day: str | None
) -> None:
    body = json.dumps({"Id": "v1", "LastChange": text})
    result = conform(body)
    assert (result.day if isinstance(result, Row) else None) == day


@pytest.mark.parametrize("last", ["", None, "2018-02-31", 20181031])
def test_without_a_usable_last_change_the_creation_date_counts(last: Any) -> None:
    assert accepted(order(LastChange=last, CreationDate="2018-08-03T00:00:00Z")).day == "2018-08-03"


# Conversion without loss


def test_names_are_matched_regardless_of_case_and_written_as_the_schema_does() -> None:
    body = order(ITEMS=[{"PRICE": 5, "SkuName": "Chair"}])
    assert row_of(body)["items"] == [{"price": 5, "skuName": "Chair"}]


LITERALS = [
    ("5", 5), ("39995.0", 39995), ('"39995"', 39995), ('"39995.00"', 39995), ("1e3", 1000),
    ("9007199254740991.0", 2**53 - 1), ("9223372036854775807", 2**63 - 1),
    ('"-9223372036854775808"', -(2**63)),
    ("9007199254740992.0", None), ("9223372036854775808", None), ("12.5", None), ('"05"', None),
    ('" 5 "', None), ('"1e3"', None), ("true", None), ("[5]", None), ("1e400", None),
    ("1.00000000000000000000001", None), ('"5."', None), ('"\u0665"', None),
]  # fmt: skip


@pytest.mark.parametrize(("literal", "value"), LITERALS)
def test_a_bigint_is_an_integer_or_is_rescued(literal: str, value: int | None) -> None:
    body = order()[:-1] + f',"Value":{literal}}}'
    assert row_of(body).get("value") == value
    assert rescued(body) == ({"/Value": literal} if value is None else {})


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("1.5", 1.5),
        ('"1.5"', 1.5),
        ("2", 2.0),
        ('"2.5e-7"', 2.5e-07),
        ("1e400", None),
        ('"NaN"', None),
        ('"1,5"', None),
        ('"Infinity"', None),
        ("false", None),
        ('" 1"', None),
    ],
)
def test_a_double_is_a_finite_number_or_is_rescued(literal: str, value: float | None) -> None:
    body = order(Items=f'[{{"unitMultiplier":{literal}}}]')
    assert row_of(body)["items"][0].get("unitMultiplier") == value
    assert rescued(body) == ({"/Items/0/unitMultiplier": literal} if value is None else {})


@pytest.mark.parametrize(
    ("literal", "value"),
    [("true", True), ('"True"', True), ('"FALSE"', False), ("1", None), ('"yes"', None)],
)
def test_a_boolean_is_true_or_false_in_any_case_or_is_rescued(
    literal: str, value: bool | None
) -> None:
    body = order()[:-1] + f',"IsCompleted":{literal}}}'
    assert row_of(body).get("iscompleted") is value
    assert rescued(body) == ({"/IsCompleted": literal} if value is None else {})


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1.10", "1.10"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1E5", "1E5"),
        ("true", "true"),
        ('" 5 "', " 5 "),
        ('""', ""),
        ('"null"', "null"),
        ('{ "b" : 1.0, "a":[ ] }', '{ "b" : 1.0, "a":[ ] }'),
        ("[1 , 1.10]", "[1 , 1.10]"),
        ('"\\u0041\\ud83d\\ude00"', "A😀"),
    ],
)
def test_a_string_keeps_what_is_written(written: str, text: str) -> None:
    body = order()[:-1] + f',"Status":{written}}}'
    assert row_of(body)["status"] == text
    assert rescued(body) == {}


@pytest.mark.parametrize("text", ["", "null"])
def test_empty_text_in_a_typed_or_nested_column_is_null_and_counted(text: str) -> None:
    row = accepted(order(Items=text, Value=text, IsCompleted=text, Totals=[{"value": text}]))
    values = json.loads(row.line)
    assert values == {"id": "v100-01", "lastchange": DATED["LastChange"], "totals": [{}]}
    assert (row.emptied, row.rescued) == (4, 0)


def test_of_duplicate_keys_the_last_is_used_and_the_others_are_rescued() -> None:
    body = order()[:-1] + ',"Status":"a","Status":"b","Totals":"[{\\"value\\":1,\\"value\\":2}]"}'
    assert (row_of(body)["status"], row_of(body)["totals"]) == ("b", [{"value": 2}])
    assert rescued(body) == {"/Status": '"a"', "/Totals/0/value": "1"}


def test_of_spellings_in_one_object_the_schema_s_own_is_used() -> None:
    body = order(MarketingData={"utmipage": "a", "utmiPage": "b", "UTMIPAGE": "c"})
    assert row_of(body)["marketingdata"] == {"utmiPage": "b"}
    assert rescued(body) == {"/MarketingData/utmipage": '"a"', "/MarketingData/UTMIPAGE": '"c"'}


def test_of_duplicate_keys_in_free_form_objects_the_last_is_used_as_well() -> None:
    free = '{"a":"1","A":"2","a":"3"}'
    body = order(Items=f'[{{"productCategories":{free},"assemblies":[{{"inputValues":{free}}}]}}]')
    item = row_of(body)["items"][0]
    assert item["productCategories"] == [{"id": "A", "name": "2"}, {"id": "a", "name": "3"}]
    assert item["assemblies"][0]["inputValues"] == [
        {"key": "A", "value": "2"},
        {"key": "a", "value": "3"},
    ]
    assert rescued(body) == {
        "/Items/0/productCategories/a": '"1"',
        "/Items/0/assemblies/0/inputValues/a": '"1"',
    }


def test_older_and_newer_names_are_both_kept() -> None:
    totals = [{"id": "Items", "value": 5}]
    row = row_of(order(Totals=totals, Totalizations=[], StorePreferences={}))
    assert (row["totals"], row["totalizations"], row["storepreferences"]) == (totals, [], {})


# Rescue


def test_a_path_is_a_json_pointer_into_the_document_with_its_text_parsed() -> None:
    body = order(Items=[{}, {"a/b~c": {"": 1.0}, "price": "12.5"}], **{"": "x", "~": None})
    assert rescued(body) == {
        "/Items/1/a~1b~0c": '{"":1.0}',
        "/Items/1/price": '"12.5"',
        "/": '"x"',
        "/~0": "null",
    }


def test_truncated_text_in_a_nested_column_is_rescued_and_the_row_stays() -> None:
    text = '{"id":"clientProfileData","email":"someb'
    body = order(ClientProfileData=text, Status="invoiced")
    assert "clientprofiledata" not in row_of(body)
    assert row_of(body)["status"] == "invoiced"
    assert rescued(body) == {"/ClientProfileData": json.dumps(text)}


def test_a_nested_column_of_another_shape_is_rescued() -> None:
    body = order(Items={"id": "1"}, OpenTextField="a bare text", Sellers="5")
    assert rescued(body) == {
        "/Items": '{"id":"1"}',
        "/OpenTextField": '"a bare text"',
        "/Sellers": "5",
    }


def test_a_nested_column_may_be_json_itself() -> None:
    body = json.dumps({**DATED, "Totals": [{"value": 5, "id": {"a": 1}}]})
    assert row_of(body)["totals"] == [{"value": 5, "id": '{"a": 1}'}]


def test_thousands_of_objects_in_text_columns_take_a_moment() -> None:
    body = order(Items=[{"brandId": {"a": 1}, "taxCode": [2], "imageUrl": {}}] * 1000)
    begun = time.monotonic()
    assert len(row_of(body)["items"]) == 1000
    assert time.monotonic() - begun < 5


def test_a_text_with_many_quotes_and_no_end_takes_a_moment() -> None:
    text = "[" + "[]," * 300 + '"' + '\\"' * 50_000
    begun = time.monotonic()
    assert rescued(order(Items=text)) == {"/Items": json.dumps(text)}
    assert time.monotonic() - begun < 5


# The documents that the source is known to hold, twenty of them


def test_an_order_whose_change_falls_in_a_later_month_lies_there() -> None:
    body = order(CreationDate="2015-07-17T17:57:42.1911258Z", LastChange="2015-08-16T09:01:02.5Z")
    row = accepted(body)
    assert row.day == "2015-08-16"
    assert json.loads(row.line)["creationdate"] == "2015-07-17T17:57:42.1911258Z"


def test_empty_lists_stay_empty_lists() -> None:
    shipping = {"id": "shippingData", "logisticsInfo": []}
    row = row_of(order(Items="[]", ShippingData=shipping, CustomData="{}"))
    assert (row["items"], row["shippingdata"], row["customdata"]) == ([], shipping, "{}")


def test_the_text_null_is_null_in_every_nested_column() -> None:
    row = accepted(order(Items="null", ShippingData="null", ItemMetadata="null", Sellers="null"))
    assert set(json.loads(row.line)) == {"id", "lastchange"}
    assert row.emptied == 4


def test_product_categories_become_a_list_whatever_their_names_and_shape() -> None:
    items = [
        {"productCategories": {"12": "Mesas & cadeiras", "a.b/c~d": "x", "": None, "7": 5}},
        {"productCategories": {}},
        {"productCategories": None},
        {"productCategories": [{"id": 3, "name": "Sofas"}]},
        {},
    ]
    body = order(Items=items)
    assert row_of(body)["items"] == [
        {
            "productCategories": [
                {"id": "12", "name": "Mesas & cadeiras"},
                {"id": "a.b/c~d", "name": "x"},
                {"id": "", "name": None},
                {"id": "7", "name": "5"},
            ]
        },
        {"productCategories": []},
        {},
        {"productCategories": [{"id": "3", "name": "Sofas"}]},
        {},
    ]
    assert rescued(body) == {}


def test_any_unicode_and_text_that_looks_like_json_stays_as_it_is() -> None:
    text = 'A\u2028B "quoted" \\ 😀 \u0001\u007f é {not: json} [1, 2'
    open_text = {"value": '{"looks": "like", "json": 1.10}'}
    row = row_of(order(StatusDescription=text, OpenTextField=open_text))
    assert row["statusdescription"] == text
    assert row["opentextfield"] == open_text


def test_a_large_document_is_a_row_like_any_other() -> None:
    items = [{"uniqueId": f"{n:032X}", "price": n, "name": "x" * 100} for n in range(1500)]
    assert row_of(order(Items=items))["items"] == items


def test_text_that_looks_like_a_number_or_a_flag_stays_text() -> None:
    item = {"id": "0012", "ean": "7890000000017", "refId": "1E5", "productId": "NaN"}
    instance = "12345678E90123456789012345678901"
    row = row_of(
        order(InstanceId=instance, LastChangeVersion="1.10", SalesChannel=" 5 ", Items=[item],
              IsCompleted="True", AllowEdition="false", IsCheckedIn=True)
    )  # fmt: skip
    assert row["items"] == [item]
    assert (row["instanceid"], row["lastchangeversion"]) == (instance, "1.10")
    assert row["saleschannel"] == " 5 "
    assert (row["iscompleted"], row["allowedition"], row["ischeckedin"]) == (True, False, True)


def test_a_year_s_boundary_is_the_text_s_and_local_twins_do_not_count() -> None:
    body = order(
        LastChange="2019-01-01T00:30:00Z",
        TimeZoneLastChange="2018-12-31T22:30:00",
        CreationDate="2018-12-31T23:59:59Z",
    )
    assert accepted(body).day == "2019-01-01"


def test_a_market_place_order_keeps_the_zeros_its_id_begins_with() -> None:
    body = order(Id="XYZ-00012345", MarketPlaceOrderId="00012345", OrderGroup=None)
    row = row_of(body, "fulfillment")
    assert (row["id"], row["marketplaceorderid"]) == ("XYZ-00012345", "00012345")
    assert "ordergroup" not in row


def test_fields_of_fulfillment_alone_are_rescued_from_checkout() -> None:
    body = order(IsCreatedAsync="true", MarketPlacePaymentReferenceValue="10")
    assert row_of(body, "fulfillment")["iscreatedasync"] is True
    assert rescued(body, "fulfillment") == {}
    assert rescued(body) == {
        "/IsCreatedAsync": '"true"',
        "/MarketPlacePaymentReferenceValue": '"10"',
    }


def test_nothing_in_the_places_of_the_cleanings_is_no_trouble() -> None:
    body = order(
        ItemMetadata="{}",
        RatesAndBenefitsData={"id": "r", "rateAndBenefitsIdentifiers": None},
        CustomData={"customApps": None},
    )
    row = row_of(body, "fulfillment")
    assert (row["itemmetadata"], row["ratesandbenefitsdata"]) == ({}, {"id": "r"})
    assert row["customdata"] == '{"customApps": null}'
    assert rescued(body, "fulfillment") == {}


@pytest.mark.parametrize("text", ["2019-03-04T10:20:30.123456", "2019-03-04T23:20:30-03:00"])
def test_dates_with_an_offset_or_without_a_zone_are_taken_as_written(text: str) -> None:
    row = accepted(order(LastChange=text), "fulfillment")
    assert row.day == "2019-03-04"
    assert json.loads(row.line)["lastchange"] == text


def test_an_id_of_special_characters_stays() -> None:
    assert row_of(order(Id="XYZ-ÇÃ 1#2?3%4:5"), "fulfillment")["id"] == "XYZ-ÇÃ 1#2?3%4:5"


def test_types_that_drifted_are_converted_or_rescued() -> None:
    body = order(
        Items='[{"price":39995.0,"listPrice":"39995","tax":12.5,"sellingPrice":3000000000,'
        '"isGift":"True","additionalInfo":{"brandId":2000,"dimension":null}},null,"text"]'
    )
    assert row_of(body, "fulfillment")["items"] == [
        {
            "price": 39995,
            "listPrice": 39995,
            "sellingPrice": 3000000000,
            "isGift": True,
            "additionalInfo": {"brandId": "2000"},
        },
        None,
        None,
    ]
    assert rescued(body, "fulfillment") == {"/Items/0/tax": "12.5", "/Items/2": '"text"'}


def test_two_versions_of_an_order_are_two_rows_each_on_its_day() -> None:
    versions = [order(Id="XYZ-1", LastChange=day) for day in ("2019-06-01", "2019-07-15")]
    rows = [accepted(version, "fulfillment") for version in versions]
    assert [row.day for row in rows] == ["2019-06-01", "2019-07-15"]
    assert [json.loads(row.line)["id"] for row in rows] == ["XYZ-1", "XYZ-1"]


def test_a_field_nobody_knows_with_characters_no_column_may_have_is_rescued() -> None:
    body = order(**{"New Field ;{}()\n\t=": "x"})
    assert rescued(body, "fulfillment") == {"/New Field ;{}()\n\t=": '"x"'}


@pytest.mark.parametrize(
    ("written", "column", "is_rescued"),
    [
        (1.5, 1.5, False),
        ("0.30000000000000004", 0.30000000000000004, False),
        (9007199254740992, 9007199254740992.0, False),
        (9007199254740993, 9007199254740992.0, True),
        ("123456789012345678901", 1.2345678901234568e20, True),
        ("0.12345678901234567890", 0.12345678901234568, True),
        (10**22, 1e22, False),
    ],
)
def test_a_number_that_no_double_gives_back_is_rescued_beside_its_value(
    written: Any, column: float, is_rescued: bool
) -> None:
    body = order(Items=[{"unitMultiplier": written}])
    assert row_of(body)["items"] == [{"unitMultiplier": column}]
    expected = {"/Items/0/unitMultiplier": json.dumps(written)} if is_rescued else {}
    assert rescued(body) == expected


@pytest.mark.parametrize("change", [None, "", "null", "2018-02-31", "yesterday", 5])
def test_a_row_that_is_dated_by_its_creation_says_so(change: Any) -> None:
    row = accepted(order(LastChange=change, CreationDate="2018-01-02"))
    assert (row.day, row.dated_by_creation) == ("2018-01-02", True)
    assert not accepted(order()).dated_by_creation
