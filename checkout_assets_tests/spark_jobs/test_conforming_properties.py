"""Whatever a document looks like: the row is what the rules say, and nothing is lost or made up."""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from checkout_assets_tests.properties import examples
from checkout_assets_tests.spark_jobs import oracle
from checkout_assets_tests.spark_jobs.dirty_documents import documents
from spark_jobs.conforming import Conformer, Rejected, Row
from spark_jobs.schema import data_columns
from spark_jobs.schema.types import Array, Primitive, Struct, TextMap, Type

TABLES = ("checkout", "fulfillment")
PROFILE = settings(
    max_examples=examples(300),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
CONFORMERS = {table: Conformer(table) for table in TABLES}
ORDERS = st.sampled_from(TABLES).flatmap(lambda t: st.tuples(st.just(t), documents(t)))

# What stands in the place of one byte of a document.
INTRUDERS = st.binary(max_size=3) | st.sampled_from(
    [b"NaN", b"-Infinity", b"\\ud800", b"\\udc00\\ud800", b'"', b'x","x":NaN,"', b'x\\ud83d","']
)
Leaf = tuple[str, str]
ANY = Primitive("string")

ORDER = b'{"Id":"v1","LastChange":"2018-10-31T14:00:00Z"}'


def conform(table: str, body: bytes) -> Row | Rejected:
    return CONFORMERS[table].conform(body)


@PROFILE
@given(ORDERS)
def test_a_row_is_what_the_rules_say(order: tuple[str, bytes]) -> None:
    table, body = order
    expected, actual = oracle.judge(table, body), conform(table, body)
    if isinstance(expected, oracle.Rejection):
        assert isinstance(actual, Rejected)
        assert actual.reason == expected.reason
        assert re.fullmatch(r"[a-z0-9 -]+ at byte \d+", actual.detail)
        return
    assert isinstance(actual, Row)
    assert oracle.differences(expected, actual.line) == []
    assert actual.day == expected.day
    assert Counter(actual.redacted) == expected.redacted
    assert Counter(actual.cleaned) == expected.cleaned
    assert actual.dated_by_creation == expected.dated_by_creation
    assert (actual.rescued, actual.emptied) == (len(expected.rescued), expected.emptied)


@PROFILE
@given(ORDERS)
def test_every_leaf_of_a_document_is_in_its_row_or_rescued_and_no_other(
    order: tuple[str, bytes],
) -> None:
    table, body = order
    row = conform(table, body)
    if isinstance(row, Rejected):
        return
    source = oracle.Remover().clean(oracle.parse(body.decode("utf-8-sig")), ())
    assert Counter(row_leaves(row)) == Counter(source_leaves(table, source))


@PROFILE
@given(
    st.one_of(
        st.binary(),
        st.binary().map(lambda noise: ORDER[:-1] + noise),
        st.tuples(ORDERS, st.integers(0, 600), INTRUDERS).map(
            lambda parts: parts[0][1][: parts[1]] + parts[2] + parts[0][1][parts[1] + 1 :]
        ),
    )
)
@example(b"\xef\xbb\xbf")
@example(b"[" * 100_000)
@example(b'{"Id":' + b"9" * 10_000 + b',"LastChange":"2018-10-31"}')
def test_no_bytes_whatsoever_make_conforming_raise(body: bytes) -> None:
    for table in TABLES:
        expected, actual = oracle.judge(table, body), conform(table, body)
        assert isinstance(actual, Rejected) == isinstance(expected, oracle.Rejection)


def row_leaves(row: Row) -> Iterator[Leaf]:
    """The leaves of a row's columns, and of its rescued values at their places."""
    columns = oracle.parse(row.line.decode())
    for name, value in columns.pairs:
        if name != "_rescued":
            yield from leaves(value, below("", name))
            continue
        for item in value.items:
            rescued = dict(item.pairs)
            steps = rescued["path"].split("/")[1:]
            path = "".join(f"/{'*' if step.isdigit() else step.lower()}" for step in steps)
            yield from leaves(oracle.parse(rescued["value"]), path)


def source_leaves(table: str, document: oracle.Obj) -> Iterator[Leaf]:
    """The leaves of a document, the objects that become lists of entries as such."""
    fields = tuple((column.source_field, column.type) for column in data_columns(table))
    yield from typed_leaves(Struct(fields), document, "")


def typed_leaves(kind: Type, value: Any, path: str) -> Iterator[Leaf]:
    value = value.value if isinstance(value, oracle.Cut) else value
    nested = not isinstance(kind, Primitive)
    if nested and path.count("/") == 1 and isinstance(value, str):
        with contextlib.suppress(oracle.NoJsonError):
            value = oracle.parse(value)
    if isinstance(kind, Struct) and isinstance(value, oracle.Obj):
        kinds = {name.lower(): (name, field) for name, field in kind.fields}
        for key, member in value.pairs:
            name, field = kinds.get(key.lower(), (key, ANY))
            is_used = member is oracle.used(value, name)
            yield from typed_leaves(field if is_used else ANY, member, below(path, key))
    elif isinstance(kind, Array) and isinstance(value, oracle.Arr):
        for item in value.items:
            yield from typed_leaves(kind.element, item, path + "/*")
    elif isinstance(value, oracle.Obj) and (
        kind == TextMap() or (path.endswith("/productcategories") and nested)
    ):
        names = ("key", "value") if kind == TextMap() else ("id", "name")
        for index, (key, member) in enumerate(value.pairs):
            if any(key == later for later, _ in value.pairs[index + 1 :]):
                yield from leaves(member, below(path, key))
            else:
                yield from leaves(key, f"{path}/*/{names[0]}")
                yield from leaves(member, f"{path}/*/{names[1]}")
    else:
        yield from leaves(value, path)
        number = oracle.double_of(value) if kind == Primitive("double") else None
        if number is not None and not oracle.comes_back(value, number):
            yield from leaves(value, path)  # beside its value it is rescued


def leaves(value: Any, path: str) -> Iterator[Leaf]:
    """The scalars of a value and of JSON text in it, a number in one spelling; not empty ones.

    That each is kept exactly is the first property's business: this one finds what is lost.
    """
    if isinstance(value, oracle.Cut):
        yield from leaves(value.value, path)
    elif isinstance(value, oracle.Arr):
        for item in value.items:
            yield from leaves(item, path + "/*")
    elif isinstance(value, oracle.Obj):
        for key, member in value.pairs:
            yield from leaves(member, below(path, key))
    elif isinstance(value, str) and (inner := oracle.parsed_or_none(value)) is not None:
        yield from leaves(inner, path)
    elif value not in (None, "", "null"):
        yield path, scalar(value)


def scalar(value: Any) -> str:
    text = value.literal if isinstance(value, oracle.Num) else str(value)
    if re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", text):
        return repr(float(text) + 0.0)
    return text.lower() if text.lower() in ("true", "false") else text


def below(path: str, key: str) -> str:
    """A member's path: folded, and every list index or key of digits alike."""
    return f"{path}/{'*' if key.isdigit() else oracle.pointer([key.lower()])[1:]}"
