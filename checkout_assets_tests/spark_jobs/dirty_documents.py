"""Invented orders with unexpected content: hypothesis strategies of JSON text.

They start from the schema, so that most values are plausible, and then do what the source does:
other types, other case, duplicate keys, nested and truncated text, fields nobody knows.
"""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from checkout_assets_tests.spark_jobs.oracle import Num
from spark_jobs.schema import data_columns
from spark_jobs.schema.types import Array, Primitive, Struct, TextMap, Type


@dataclass(frozen=True)
class Members:
    """An object, duplicate keys included."""

    pairs: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class InText:
    """A value as JSON text inside a string, perhaps without its last characters."""

    value: Any
    missing: int = 0


@dataclass(frozen=True)
class Style:
    """How a text is written: white space after marks, and which characters are escaped."""

    after: str = ""
    ascii_only: bool = False


STYLES = st.sampled_from([Style(), Style(" ", True), Style("\n\t"), Style("\r\n  ", True)])

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
ODD_TEXTS = st.sampled_from(
    [
        "", "null", "Null", "True", "FALSE", " 5 ", "5", "-0", "05", "+5", "1E5", "39995.0", "5.",
        "5.01", "12.5", "1.10", "NaN", "Infinity", "1e400", "9223372036854775807",
        "9223372036854775808", "-9223372036854775808", "-9223372036854775809.0", "٣", "{", "[1",
        '{"a":', '"half', "{}", "[]", '"5"', ' {"CardNumber": 1} ', '{"a":1,"a":2}', "\\ud800",
        "\u2028\x00\x7f", "😀", "\ufeff{}", "cardNumber", "pan", "Titular do cartão", "12/27",
        "123", "4111 1111 1111 1111", "\ufeff{'card_number':1", "a=1&numeroCartao=4",
        "<Pan>4111111111111111", '{"\\u0063vv":', "card number", '["payments",',
    ]
)  # fmt: skip
NUMBERS = st.sampled_from(
    [
        "0", "-0", "-0.0", "5", "5.0", "1.10", "0.1", "1e2", "1E-2", "15e-1", "150e-1", "39995.0",
        "9007199254740991.0", "9007199254740992.0", "9007199254740993", "1e15", "1e16", "1e400",
        "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e-400",
        "-9223372036854775809", "1" * 30, "4111111111111111", "0.12345678901234567",
        "1.00000000000000000000001", "0e99999999", "2.5e-7",
    ]
).map(Num)  # fmt: skip
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, ODD_TEXTS, TEXTS)
ODD_KEYS = st.sampled_from(
    [
        "", "/", "~", "~1", "a/b", "\x01", "*", "0", "İd", "\u2028", "😀", "_rescued", "_folder",
        "cardNumber", "CARD_HOLDER", "Cvv", "pan", "ExpirationDate", "connectorResponses",
        "dueMonth", "billingAddress", "BILLINGADDRESS", "payments", "PaymentData", "Payments",
        "paymentdata", "attachments", "ItemAttachment", "xATTACHMENTx", "assemblyOptions",
        "matchedParameters", "additionalInfo", "cart-extra-context", "fields", "customApps",
        "items", "id", "ID", "Items", "número-do-cartão", "card", "creditCard", "titular",
        "Validade", "name", "key", "value", "VALUES", "number", "payment_data",
        "cardRef", "giftCard", "tarjeta_nova", "\\u0070an", "%63ardNumber", '{"cvv":1}',
    ]
)  # fmt: skip
KEYS = st.one_of(ODD_KEYS, TEXTS)
FREE_FORM = st.lists(
    st.tuples(st.sampled_from(["a", "A", "pan", "", "/"]), SCALARS), max_size=4
).map(lambda pairs: Members(tuple(pairs)))
ITEM = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["price", "tax", "Quantity"]), NUMBERS),
        st.tuples(
            st.sampled_from(["price", "unitMultiplier", "isGift", "id"]), NUMBERS | ODD_TEXTS
        ),
        st.tuples(st.just("productCategories"), FREE_FORM),
        st.tuples(
            st.just("assemblies"), FREE_FORM.map(lambda free: [Members((("inputValues", free),))])
        ),
    ),
    max_size=8,
).map(lambda pairs: Members(tuple(pairs)))
"""An item with little but numbers at the edge of their types, and free-form objects."""


NAMES_GIVEN = st.recursive(
    st.sampled_from(
        ["cardNumber", "cvv", "validade", "pan", "cardRef", "color", "%70an", "\\u0070an"]
    ),
    lambda names: st.one_of(
        st.builds(InText, names),
        st.lists(names, max_size=2),
        st.tuples(st.sampled_from(["name", "Key", "pan"]), names).map(
            lambda pair: Members((pair,))
        ),
    ),
    max_leaves=3,
)
"""What stands in the place of a name: also text in text, a list or an object."""


def _below(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.lists(st.tuples(KEYS, values), max_size=4)
    again = members.map(lambda pairs: Members((*pairs, *pairs[:1])))
    named = st.sampled_from(["cardNumber", "cvv", "validade", "pan"])
    return st.one_of(
        st.lists(values, max_size=3),
        st.lists(values | named, min_size=2, max_size=3),
        members.map(lambda pairs: Members(tuple(pairs))),
        again,
        st.tuples(
            st.sampled_from(["name", "KEY", "Id", "fieldName", "label"]),
            NAMES_GIVEN,
            st.sampled_from(["value", "Values", "text"]),
            values,
        ).map(lambda pair: Members((pair[:2], pair[2:]))),
        st.builds(InText, values, st.sampled_from([0, 0, 0, 0, 1, 3])),
    )


ANYTHING = st.recursive(SCALARS, _below, max_leaves=8)

CLEANED_SHAPES = {
    "ItemMetadata": ("items", ["assemblyOptions", "AssemblyOptions", "id"]),
    "RatesAndBenefitsData": (
        "rateAndBenefitsIdentifiers",
        ["matchedParameters", "additionalInfo", "ADDITIONALINFO", "name"],
    ),
    "CustomData": ("customApps", ["fields", "cart-extra-context", "id"]),
    "PaymentData": (
        "payments",
        ["billingAddress", "cardNumber", "id", "value", "connectorResponses"],
    ),
}


def plausible(kind: Type) -> st.SearchStrategy[Any]:
    """Values of a type, now and then of another."""
    right: st.SearchStrategy[Any]
    if isinstance(kind, Array):
        right = st.lists(st.deferred(lambda: plausible(kind.element)), max_size=2)
    elif isinstance(kind, Struct):
        right = struct(kind)
    elif isinstance(kind, TextMap):
        right = st.lists(st.tuples(KEYS, SCALARS), max_size=3).map(lambda p: Members(tuple(p)))
    else:
        right = {
            "string": TEXTS,
            "bigint": st.integers(-(2**64), 2**64).map(lambda n: Num(str(n))),
            "double": st.floats(allow_nan=False, allow_infinity=False).map(lambda n: Num(repr(n))),
            "boolean": st.booleans(),
        }[kind.name]
    return st.integers(0, 9).flatmap(lambda n: right if n < 7 else SCALARS if n < 9 else ANYTHING)


@st.composite
def struct(draw: st.DrawFn, kind: Struct) -> Members:
    """An object with some fields of a struct, spelled in some case, and some of its own."""
    pairs = []
    for name, field in draw(st.lists(st.sampled_from(kind.fields), max_size=4)):
        value = plausible(field)
        if name == "productCategories" and draw(st.booleans()):
            value = st.dictionaries(KEYS, SCALARS, max_size=3).map(
                lambda d: Members(tuple(d.items()))
            )
        pairs.append((draw(spelled(name)), draw(value)))
    if draw(st.integers(0, 3)) == 0:
        pairs.append((draw(KEYS), draw(ANYTHING)))
    return Members(tuple(pairs))


def spelled(name: str) -> st.SearchStrategy[str]:
    """A name, seldom in another case."""
    return st.sampled_from([name, name, name, name, name.lower(), name.upper()])


@st.composite
def cleaned_shape(draw: st.DrawFn, name: str) -> Members:
    """A value from which the cleanings or redaction remove something."""
    outer, keys = CLEANED_SHAPES[name]
    inner_key = st.sampled_from(keys)
    inner = st.lists(st.tuples(inner_key, st.one_of(SCALARS, ANYTHING)), max_size=3).map(
        lambda pairs: Members(tuple(pairs))
    )
    fields = st.tuples(st.just("fields"), inner).map(lambda pair: Members((pair,)))
    elements = draw(st.lists(st.one_of(inner, fields), max_size=3))
    return Members(((draw(spelled(outer)), elements),))


DATES = st.one_of(
    st.sampled_from([None, "", "null", "2018-02-31", "1899-12-31", "2200-01-01", "2018-10-3"])
    | st.sampled_from(["2018-10-31X", "18-10-31", "٢018-10-31"]),
    st.dates().map(lambda day: day.isoformat()),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
)
USUAL_DATES = st.sampled_from(["2018-10-31T14:00:00.1234567Z", "2019-02-03", "2016-02-29 10:00"])


@st.composite
def documents(draw: st.DrawFn, table: str) -> bytes:
    """A document as bytes: mostly an order, whatever else is wrong with it."""
    odd = draw(st.integers(0, 9)) == 0
    pairs: list[tuple[str, Any]] = [
        (draw(spelled("Id")), draw(SCALARS if odd else TEXTS.map(lambda text: "v" + text))),
        (draw(spelled("LastChange")), draw(DATES | USUAL_DATES if odd else USUAL_DATES)),
    ]
    if draw(st.booleans()):
        pairs.append((draw(spelled("CreationDate")), draw(DATES)))
    for column in draw(st.lists(st.sampled_from(data_columns(table)), max_size=4)):
        pairs.append((draw(spelled(column.source_field)), draw(_column_value(column.type))))
    for name in draw(st.lists(st.sampled_from(sorted(CLEANED_SHAPES)), max_size=2)):
        missing = draw(st.sampled_from([0, 0, 0, 0, 0, 1, 2]))
        value = draw(cleaned_shape(name))
        pairs.append((draw(spelled(name)), draw(st.sampled_from([value, InText(value, missing)]))))
    if draw(st.booleans()):
        pairs.append(("Items", InText([draw(ITEM)])))
    pairs += draw(st.lists(st.tuples(KEYS, ANYTHING), max_size=2))
    text = written(Members(tuple(draw(st.permutations(pairs)))), draw(STYLES))
    return draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + text.encode()


def _column_value(kind: Type) -> st.SearchStrategy[Any]:
    values = plausible(kind)
    if isinstance(kind, Primitive):
        return st.one_of(values, values, values, ANYTHING)
    missing = st.sampled_from([0] * 9 + [1, 2, 5])
    return st.one_of(st.builds(InText, values, missing), values)


def written(value: Any, style: Style = Style()) -> str:
    """A value as JSON text."""
    if isinstance(value, Num):
        return value.literal
    if isinstance(value, InText):
        text = written(value.value, style)
        return _quoted(text[: len(text) - value.missing], style)
    if isinstance(value, Members):
        members = (
            f"{_quoted(key, style)}:{style.after}{written(member, style)}"
            for key, member in value.pairs
        )
        return "{" + style.after + f",{style.after}".join(members) + style.after + "}"
    if isinstance(value, list):
        return "[" + f",{style.after}".join(written(item, style) for item in value) + "]"
    return _quoted(value, style) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str, style: Style) -> str:
    return json.dumps(text, ensure_ascii=style.ascii_only)
