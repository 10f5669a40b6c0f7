"""Our statements go into a bucket's policy and out of it; everybody else's stay as they are."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_assets.domain.access.bucket_policies import source_statements, target_statements
from checkout_assets.domain.access.policy_text import LARGEST, PolicyText, difference
from checkout_assets.domain.access.statements import Statement, our_name, same, sid
from checkout_assets.domain.access.terms import AccessTerms, Place
from checkout_assets.domain.errors import MigrationError, UsageError

COPIER = "arn:aws:iam::222222222222:role/copier"


def terms(requester: str = "a team", day: int = 1) -> AccessTerms:
    return AccessTerms(
        source=Place("source", "root/"),
        raw=Place("raw", "copies/"),
        lake=Place("raw", "tables/"),
        copy_role=COPIER,
        expires=datetime(2026, 12, day, tzinfo=UTC),
        requester=requester,
    )


WANTED = source_statements(terms())
OURS = [*WANTED, *target_statements(terms())["raw"]]
FOREIGN_SIDS = st.text() | st.sampled_from(["CheckoutAssets", "CheckoutAssetsListTopics", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FOREIGN = st.dictionaries(st.text().filter(lambda name: name != "Sid"), VALUES, max_size=4)
WITH_SIDS = st.builds(lambda rest, s: {**rest, "Sid": s} if s else rest, FOREIGN, FOREIGN_SIDS)
STATEMENTS = st.lists(WITH_SIDS, max_size=5)
LAYOUTS = st.sampled_from([{}, {"indent": 3}, {"separators": (",", ":")}, {"ensure_ascii": False}])


def policy(statements: Sequence[Any], **layout: Any) -> PolicyText:
    return PolicyText(
        json.dumps({"Version": "2008-10-17", "Id": "theirs", "Statement": statements}, **layout)
    )


@given(STATEMENTS, STATEMENTS, LAYOUTS)
def test_statements_of_others_survive_granting_and_revoking_byte_for_byte(
    before: list[Statement], after: list[Statement], layout: dict[str, Any]
) -> None:
    earlier = source_statements(terms("somebody before", 2))
    there = policy([*before, *earlier, *after], **layout)

    granted = there.merged(WANTED)
    revoked = granted.without_ours()

    theirs = policy([*before, *after], **layout).others
    assert there.others == granted.others == revoked.others == theirs
    assert granted.ours == WANTED
    assert granted.merged(WANTED) == granted
    assert not revoked.ours
    assert bool(revoked.text) == bool(theirs)
    for each in (granted, revoked):
        if each.text:
            whole = json.loads(each.text)
            assert whole.pop("Statement") == each.statements
            assert whole == {"Version": "2008-10-17", "Id": "theirs"}
    assert granted.statements == [*before, *WANTED, *after]


@given(STATEMENTS, LAYOUTS)
def test_a_policy_without_ours_is_not_touched_by_revoking(
    statements: list[Statement], layout: dict[str, Any]
) -> None:
    there = policy(statements, **layout)
    assert there.without_ours() is there


def test_what_json_would_write_anew_stays_as_it_was_written() -> None:
    odd = '{"Sid":"x", "Sid" : "y","n": 1.10e2,"s":"\\u00e9\\/"}'
    text = PolicyText(f'\n{{"Statement":[{odd}],"Version":"2012-10-17"}} ')

    granted = text.merged(WANTED)

    assert granted.others == [odd]
    assert granted.text.startswith('\n{"Statement":[')
    assert granted.text.endswith('],"Version":"2012-10-17"} ')
    assert granted.without_ours().others == [odd]


def test_a_single_statement_without_a_list_is_kept() -> None:
    alone = '{"Effect": "Deny", "Sid": "alone"}'
    text = PolicyText(f'{{"Statement": {alone}}}')

    assert text.others == [alone]
    assert text.merged(WANTED).others == [alone]
    assert text.merged(WANTED).without_ours().others == [alone]


def test_a_bucket_without_a_policy_gets_one_and_loses_it_again() -> None:
    granted = PolicyText().merged(WANTED)

    assert json.loads(granted.text) == {"Version": "2012-10-17", "Statement": WANTED}
    assert granted.without_ours() == PolicyText()


def test_another_requester_s_grant_is_replaced_in_its_place() -> None:
    there = policy([*WANTED, {"Sid": "last"}])
    other = source_statements(terms("another team"))

    assert there.merged(other).statements == [*other, {"Sid": "last"}]
    assert there.merged(other[:1]).statements == [*other[:1], {"Sid": "last"}]


def test_new_statements_come_after_those_that_are_there() -> None:
    there = policy([{"Sid": "first"}, {"Sid": "second"}])
    assert there.merged(WANTED).statements == [{"Sid": "first"}, {"Sid": "second"}, *WANTED]


def test_a_statement_of_ours_that_is_there_twice_stays_once() -> None:
    assert policy([*WANTED, *WANTED]).merged(WANTED).statements == WANTED


def test_what_s3_writes_otherwise_but_means_the_same_is_no_change() -> None:
    rewritten = [
        {
            **each,
            "Action": each["Action"][0] if len(each["Action"]) == 1 else each["Action"][::-1],
            "Principal": {"AWS": COPIER},
            "Condition": {**each["Condition"], "Bool": {"aws:SecureTransport": True}},
        }
        for each in WANTED
    ]
    there = policy(rewritten)

    assert there.merged(WANTED) is there


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Deny"},
        {"Principal": {"AWS": "AROAEXAMPLE"}},
        {"Action": ["s3:GetObject"]},
        {"Condition": {}},
        {"Extra": "element"},
    ],
)
def test_a_statement_of_ours_that_somebody_changed_is_set_right(change: Statement) -> None:
    changed = [*WANTED[:-1], {**WANTED[-1], **change}]

    assert policy(changed).merged(WANTED).statements == WANTED


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        '"text"',
        "{}",
        '{"Version": "2012-10-17"}',
        '{"Statement": [], "Statement": []}',
        '{"Statement": ["no object"]}',
        '{"Statement": [[]]}',
        '{"Statement": "text"}',
        '{"Statement": [{}]} {"Statement": []}',
        '{"Statement": [{}',
        '{"Statement": [{},]}',
        '\ufeff{"Statement": []}',
        '{"Statement": ' + "[" * 20_000,
    ],
)
def test_an_unreadable_policy_is_refused_and_nothing_is_lost(text: str) -> None:
    for change in (lambda each: each.merged(WANTED), PolicyText.without_ours):
        with pytest.raises(MigrationError, match="cannot be read"):
            change(PolicyText(text))


def test_a_policy_that_would_be_too_long_is_refused_with_the_limit() -> None:
    full = policy([{"Sid": "theirs", "Resource": "x" * (LARGEST - 1000)}])

    with pytest.raises(UsageError, match="20,480 bytes"):
        full.merged(WANTED)
    assert full.without_ours() is full


def test_revoking_works_however_long_the_rest_is() -> None:
    longest = policy([*WANTED, {"Resource": "é" * LARGEST}], ensure_ascii=False)
    assert longest.without_ours().statements == [{"Resource": "é" * LARGEST}]


def test_the_difference_shows_our_lines_only() -> None:
    there = policy([{"Sid": "theirs"}, *WANTED])
    later = source_statements(terms(day=3))

    lines = difference(there, there.merged(later))

    assert {line[0] for line in lines} == {"+", "-", " "}
    assert sum(line.startswith("+") for line in lines) == len(WANTED)
    assert not any("theirs" in line for line in lines)
    assert all("2026-12" in line for line in lines if line[0] != " ")
    assert difference(there, there) == []


@given(st.text())
def test_a_statement_s_id_takes_no_punctuation_and_stays_ours(requester: str) -> None:
    made = sid("ListTop", requester)
    assert made.isalnum()
    assert made.isascii()
    assert our_name({"Sid": made}, ["ListTop"]) == "ListTop"


@pytest.mark.parametrize(
    "theirs",
    [
        {},
        {"Sid": None},
        {"Sid": ["CheckoutAssetsListTop"]},
        {"Sid": "CheckoutAssetsListTopic"},
        {"Sid": "checkoutassetslisttop"},
        {"Sid": "MyCheckoutAssetsListTop"},
        {"Sid": "CheckoutAssetsListTopBy"},
        {"Sid": "CheckoutAssetsListTopBy a"},
    ],
)
def test_another_s_id_is_not_ours(theirs: Statement) -> None:
    assert our_name(theirs, ["ListTop"]) is None


def test_statements_are_the_same_if_they_mean_the_same() -> None:
    assert same({"A": "x"}, {"A": ["x"]})
    assert same({"A": ["x", "y"]}, {"A": ["y", "x"]})
    assert not same({"A": ["x", "x"]}, {"A": ["x"]})
    assert not same({"A": "x"}, {"B": "x"})
    assert not same({"A": {"b": "x"}}, {"A": {"b": "y"}})
