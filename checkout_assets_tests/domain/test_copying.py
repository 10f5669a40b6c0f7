"""The decision about each object, its proofs, the digest and the cut-off."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_assets.domain.copying import (
    Action,
    CutOff,
    Pair,
    RunningDigest,
    Sighting,
    SourceObject,
    decide,
    is_md5_form,
    parse_as_of,
)
from checkout_assets.domain.errors import UsageError

NOW = datetime(2026, 1, 31, tzinfo=UTC)
MD5, OTHER = "0" * 32, "f" * 32
PARTS = f"{MD5}-2"


def source(size: int = 5, etag: str = MD5, age: int = 1) -> SourceObject:
    return SourceObject("F/a", size, etag, NOW - timedelta(hours=age))


@pytest.mark.parametrize(
    ("there", "raw", "known", "action"),
    [
        # Absent from raw: nothing an earlier manifest says can help.
        (source(), None, [], Action.COPY),
        (source(), None, [Pair(MD5, MD5)], Action.COPY),
        # Equal size and MD5-form tags prove it; less does not.
        (source(), Sighting(5, MD5), [], Action.PRESENT),
        (source(), Sighting(6, MD5), [], Action.COPY),
        (source(), Sighting(5, OTHER), [], Action.COPY),
        (source(etag=PARTS), Sighting(5, PARTS), [], Action.COPY),
        # A recorded pair proves it if both sides still show it.
        (source(etag=PARTS), Sighting(5, MD5), [Pair(PARTS, MD5)], Action.PRESENT),
        (source(etag=PARTS), Sighting(5, OTHER), [Pair(PARTS, MD5)], Action.COPY),
        (source(etag=OTHER), Sighting(5, MD5), [Pair(PARTS, MD5)], Action.COPY),
        (source(etag=PARTS, size=6), Sighting(5, MD5), [Pair(PARTS, MD5)], Action.COPY),
        (source(etag=PARTS), Sighting(5, MD5), [Pair(MD5, "1"), Pair(PARTS, MD5)], Action.PRESENT),
        # The cut-off itself is still due.
        (source(age=0), None, [], Action.COPY),
        (source(age=-1), None, [], Action.NEWER),
        (source(age=-1), Sighting(5, MD5), [Pair(MD5, MD5)], Action.NEWER),
        (None, Sighting(5, MD5), [Pair(MD5, MD5)], Action.VANISHED),
        (None, None, [Pair(MD5, MD5)], Action.VANISHED),
    ],
)
def test_the_table_of_decisions(
    there: SourceObject | None, raw: Sighting | None, known: list[Pair], action: Action
) -> None:
    assert decide(there, raw, known, NOW) is action


def test_only_32_hex_digits_have_the_form_of_an_md5() -> None:
    assert is_md5_form(MD5)
    for tag in ("", MD5[:-1], MD5 + "0", PARTS, "G" * 32, "A" * 32):
        assert not is_md5_form(tag)


def digest(objects: Iterable[tuple[str, str, int]]) -> str:
    running = RunningDigest()
    for each in objects:
        running.add(*each)
    return running.hexdigest()


triples = st.tuples(st.text("ab/", min_size=1), st.text("01"), st.integers(0, 9))


@given(st.lists(triples, unique=True), st.randoms(use_true_random=False))
def test_the_digest_is_the_same_in_every_order(
    objects: list[tuple[str, str, int]], random: object
) -> None:
    shuffled = list(objects)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert digest(shuffled) == digest(objects)
    assert len(digest(objects)) == 64


@given(st.lists(triples, unique=True), st.lists(triples, unique=True))
def test_other_objects_have_another_digest(
    one: list[tuple[str, str, int]], two: list[tuple[str, str, int]]
) -> None:
    assert (digest(one) == digest(two)) == (set(one) == set(two))


def test_the_digest_is_written_down_in_records_and_never_changes() -> None:
    assert digest([]) == "0" * 64
    assert digest([("F/a", MD5, 5), ("F/b", PARTS, 0)]) == (
        "993b3d92ff72cab62c3774b9f06868fc42f033c6664940656086bd72b4b4c4ee"
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", CutOff.KEPT),
        ("now", CutOff.NOW),
        ("2026-01-31T00:00:00Z", NOW),
        ("2026-01-31T01:00:00+01:00", NOW),
    ],
)
def test_a_cut_off_is_an_instant_or_now(text: str, meant: datetime | CutOff) -> None:
    assert parse_as_of(text) == meant


@pytest.mark.parametrize("text", ["yesterday", "2026-01-31", "2026-01-31T00:00:00", "Now", "kept"])
def test_a_cut_off_without_a_zone_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="with a time zone"):
        parse_as_of(text)


def test_instants_are_compared_whatever_their_zone() -> None:
    local = timezone(timedelta(hours=-3))
    there = SourceObject("F/a", 1, MD5, NOW.astimezone(local))
    assert decide(there, None, [], NOW) is Action.COPY
