"""A marker number under any spelling of card data, anywhere in a document, reaches nothing."""

import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checkout_assets_tests.properties import examples
from checkout_assets_tests.spark_jobs.conformed_orders import DATED, conform
from spark_jobs.conforming import Conformer, Row
from spark_jobs.job.conform_slice import _without_strangers
from spark_jobs.schema import data_columns

MARKER = "4012888888881881"
TRUNCATED = {"firstDigits": "401288", "lastDigits": "1881", "bin": "401288"}
EXACT = Conformer("checkout", fast=False)

CARDS = st.sampled_from(["card", "credit card", "cartão", "cartão de crédito", "tarjeta"])
NAMES = st.one_of(
    st.tuples(CARDS, st.sampled_from(["number", "num", "número", "nro", "holder", "titular"])).map(
        " ".join
    ),
    st.tuples(st.sampled_from(["número do", "numero de la", "num", "titular del"]), CARDS).map(
        " ".join
    ),
    st.sampled_from(
        [
            "nome titular", "nombre del titular", "holder name", "cvv", "cvc 2", "security code",
            "código de segurança", "código de seguridad", "expiration date", "validade do cartão",
            "vencimiento tarjeta", "connector responses", "pan", "validade", "titular",
        ]
    ),
)  # fmt: skip
SEPARATORS = st.sampled_from(["", " ", "_", "-", "."])
CASES = st.sampled_from([str, str.upper, str.lower, str.title, str.swapcase])


@st.composite
def spellings(draw: st.DrawFn) -> str:
    """A name of card data in some case, with some separator."""
    return str(draw(CASES)(draw(NAMES)).replace(" ", draw(SEPARATORS)))


@st.composite
def secrets(draw: st.DrawFn) -> Any:
    """An object that gives the marker such a name, perhaps as text, and that in text again."""
    name = draw(spellings())
    named, valued = draw(
        st.sampled_from(
            [
                ("name", "value"),
                ("Key", "VALUES"),
                ("id", "text"),
                ("propertyName", "propertyValue"),
            ]
        )
    )
    value: Any = draw(st.sampled_from([{name: MARKER}, {named: name, valued: MARKER}]))
    value = {**value, **TRUNCATED}
    for _ in range(draw(st.integers(0, 3))):
        value = draw(st.sampled_from([{"a": json.dumps(value)}, json.dumps([value]), [value]]))
    return value


@st.composite
def broken_texts(draw: st.DrawFn) -> str:
    """Such an object as text that does not parse."""
    text = json.dumps({draw(spellings()): MARKER}, ensure_ascii=draw(st.booleans()))
    return draw(
        st.sampled_from(
            [
                text[:-1], text[:-2], text[:-1] + ",}", text.replace('"', "'"), "\ufeff" + text,
                "\u00a0" + text, f"{text}\n{text}", text[:-1] + ',"x":NaN}', json.dumps(text)[:-1],
            ]
        )
    )  # fmt: skip


@st.composite
def orders(draw: st.DrawFn) -> str:
    """An order with the marker in a column, in an unknown field or below payments."""
    secret = draw(secrets() | broken_texts())
    columns = [column.source_field for column in data_columns("checkout")]
    field = draw(st.sampled_from([*columns, "Unknown"]))
    if field in DATED:
        return json.dumps({**DATED, "Unknown": secret})
    inside = draw(
        st.sampled_from(
            [secret, [secret], [{"name": secret}], {"value": secret}, {"payments": [{"x": secret}]}]
        )
    )
    as_text = isinstance(inside, (dict, list)) and draw(st.booleans())
    return json.dumps({**DATED, field: json.dumps(inside) if as_text else inside})


@settings(max_examples=examples(300), deadline=None, suppress_health_check=list(HealthCheck))
@given(orders())
def test_a_marker_reaches_no_row_record_or_log(body: str) -> None:
    for row in (conform(body), EXACT.conform(body.encode())):
        assert isinstance(row, Row)
        assert MARKER not in row.line.decode()
        assert MARKER not in repr((row.redacted, row.cleaned, row.card_numbers))
        assert sum(row.redacted.values()) > 0
        assert all(MARKER not in _without_strangers(path) for path in row.redacted)


@pytest.mark.parametrize("field", ["CustomData", "Unknown", "PaymentData"])
def test_truncated_numbers_stay(field: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    payments = {"payments": [{"id": "p", "cardNumber": MARKER, **TRUNCATED}]}
    row = conform(json.dumps({**DATED, field: json.dumps(payments)}))
    assert isinstance(row, Row)
    assert MARKER not in row.line.decode() + caplog.text
    assert all(digits in row.line.decode() for digits in TRUNCATED.values())
