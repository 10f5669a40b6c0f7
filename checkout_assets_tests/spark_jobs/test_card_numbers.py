"""Card numbers outside payments are kept and counted by column; other long numbers are neither."""

from typing import Any

import pytest

from checkout_assets_tests.spark_jobs.conformed_orders import accepted, order, row_of
from spark_jobs.conforming.card_numbers import is_card_number

# Published test numbers.
VISA = "4111111111111111"


@pytest.mark.parametrize(
    "number",
    [
        VISA, "4222222222222", "5555555555554444", "2223003122003222", "378282246310005",
        "30569309025904", "38520000023237", "6011111111111117", "3530111333300000",
        "6200000000000005", "6759649826438453", "6362970000457013", "6062826786276634",
        "4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005",
    ],
)  # fmt: skip
def test_a_number_that_an_issuer_could_give_out_is_counted(number: str) -> None:
    body = order(OpenTextField={"value": f"card {number}."})
    assert row_of(body)["opentextfield"] == {"value": f"card {number}."}
    assert accepted(body).card_numbers == {"opentextfield": 1}


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111112",  # check digit
        "1111111111111117",  # nobody's
        "41111111111111111",  # length
        "4006381333931",  # an article
        "7891234567895",
        "1540994400000",
        "20181031140000123",
        "636765840000000000",
        "34191790010104351004791020150008291070026000",
        "4111 1111-1111 1111",
        "-43.18245697021484",
        "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    ],
)
def test_other_numbers_are_not_counted(number: str) -> None:
    assert accepted(order(OpenTextField={"value": number}, Unknown=number)).card_numbers == {}


def test_numbers_are_counted_by_column_and_not_below_payments() -> None:
    body = order(
        CustomData={"a": VISA, "b": [f"x {VISA}", "5555555555554444"]},
        Status=f"\n{VISA}",
        Unknown={"note": VISA},
        Items=[{"name": VISA, "assemblies": [{"inputValues": {"a": VISA}}]}],
        PaymentData={"payments": [{"tid": VISA, "unknown": VISA, "id": "p"}]},
    )
    assert VISA in accepted(body).line.decode()
    assert accepted(body).card_numbers == {
        "customdata": 3,
        "status": 1,
        "items": 2,
        "_rescued": 1,
    }
    assert row_of(body)["paymentdata"] == {"payments": [{"id": "p"}]}


@pytest.mark.parametrize(
    ("digits", "expected"),
    [(VISA, True), ("4111-1111-1111-1111", True), ("", False), ("4" * 16, False)],
)
def test_issuer_length_and_check_digit_decide(digits: str, expected: Any) -> None:
    assert is_card_number(digits) is expected
