"""No key below an allowed prefix exceeds what S3 takes, and none leaves its folder."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from checkout_assets.domain.copying import new_copy_id
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.domain.keys import LONGEST_KEY_BYTES, safe_key
from checkout_assets.domain.longest_prefixes import LONGEST_RUN_ID, longest_prefix
from checkout_assets.engines.access.options import AccessOptions
from checkout_assets.engines.emr.request import attempt_run_id
from checkout_assets.engines.locations import parse_location, parse_s3_location
from checkout_assets.engines.worker.reports import (
    END,
    LISTENER,
    LOG,
    PROGRESS,
    RESULTS,
    is_run_id,
    worker_name,
    worker_prefix,
    worker_uri,
)
from spark_jobs.contract.keys import (
    completion_record_key,
    manifest_part_key,
    publication_record_key,
    quarantine_file_key,
    result_key,
    staged_key,
    table_file_key,
)

ROOT = Path(__file__).resolve().parents[2]
NAMES = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=1024),
    st.text(st.sampled_from("a~_./é\U0001f600"), max_size=1024),
    st.integers(0, 1024).map(lambda length: "/" * length),
    st.integers(0, 1024).map(lambda length: "~" * length),
)


@given(
    folder=st.sampled_from(FOLDER_NAMES),
    name=NAMES,
    prefix=st.one_of(st.just(longest_prefix("raw")), st.integers(0, longest_prefix("raw"))),
)
@example(folder="FF_FulfillmentOrder", name="x" * 1024, prefix=longest_prefix("raw"))
@example(folder="FF_FulfillmentOrder", name="/" * 1024, prefix=longest_prefix("raw"))
@example(folder="FF_FulfillmentOrder", name="é" * 512, prefix=longest_prefix("raw"))
def test_no_safe_key_leaves_its_folder_or_exceeds_what_s3_takes(
    folder: str, name: str, prefix: int
) -> None:
    raw_key = safe_key(f"{folder}/{name}", "p" * prefix)
    assert raw_key.startswith(f"{folder}/")
    assert raw_key.isascii()
    assert prefix + len(raw_key) <= LONGEST_KEY_BYTES


def test_a_prefix_that_leaves_no_room_gives_no_key() -> None:
    source_key = "FF_FulfillmentOrder/" + "x" * 1000
    whole = "FF_FulfillmentOrder/~~" + "0" * 64
    assert len(safe_key(source_key, "p" * (LONGEST_KEY_BYTES - len(whole)))) == len(whole)
    for room in (len(whole) - 1, 66, 10, 0, -100):
        with pytest.raises(ValueError, match="would leave its folder"):
            safe_key(source_key, "p" * (LONGEST_KEY_BYTES - room))


RUN_IDS = ["r" * LONGEST_RUN_ID, attempt_run_id("0" * 36, 99)]


@pytest.mark.parametrize("folder", FOLDER_NAMES[::255])
@pytest.mark.parametrize("run_id", RUN_IDS)
def test_every_record_and_file_below_the_longest_prefix_fits(folder: str, run_id: str) -> None:
    copy_id = new_copy_id(run_id, datetime.now(UTC), "abcdef")
    raw = [
        manifest_part_key(folder, copy_id, "part-99999.parquet"),
        completion_record_key(folder),
    ]
    files = [
        table_file_key(folder, "2199-12-31", run_id, 99_999),
        quarantine_file_key(folder, run_id, 99_999),
    ]
    staged = [staged_key(folder, run_id, key) for key in files]
    records = [publication_record_key(folder), result_key(folder, run_id)]
    for place, keys in (("raw", raw), ("lake", [*files, *staged, *records])):
        assert all(longest_prefix(place) + len(key) <= LONGEST_KEY_BYTES for key in keys)


@pytest.mark.parametrize("folder", FOLDER_NAMES[::255])
def test_every_report_below_the_longest_prefix_fits(folder: str) -> None:
    names = [LISTENER, PROGRESS, END, LOG, f"{RESULTS}{folder}.json"]
    own = worker_prefix("r" * LONGEST_RUN_ID, worker_name(999_999))
    for name in names:
        assert longest_prefix("fleet_uri") + len(own + name) <= LONGEST_KEY_BYTES
        assert longest_prefix("report") + len(name) <= LONGEST_KEY_BYTES


def test_a_worker_of_the_longest_fleet_can_report() -> None:
    fleet = f"s3://bucket/{'x' * (longest_prefix('fleet_uri') - 1)}"
    uri = worker_uri(fleet, "r" * LONGEST_RUN_ID, worker_name(999_999))
    assert parse_s3_location(uri, "report").uri == uri


def test_a_run_id_is_no_longer_than_the_prefixes_allow() -> None:
    assert is_run_id("r" * LONGEST_RUN_ID)
    assert not is_run_id("r" * (LONGEST_RUN_ID + 1))


def test_the_docs_tell_the_limits() -> None:
    told = ROOT.joinpath("docs", "architecture.md").read_text()
    limits = f"raw's prefix may have {longest_prefix('raw')} bytes, the lake's "
    assert f"{limits}{longest_prefix('lake')} (" in told
    assert f"`fleet_uri`'s {longest_prefix('fleet_uri')}" in told


@pytest.mark.parametrize("place", ["source", "raw", "lake", "fleet_uri", "report"])
@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_prefix_that_is_too_long_is_refused_and_the_limit_is_told(
    place: str, letter: str
) -> None:
    most = longest_prefix(place)
    size = len(letter.encode())
    fits, rest = divmod(most - 1, size)
    longest = f"s3://bucket/{'x' * rest}{letter * fits}/"
    assert len(parse_s3_location(longest, place).prefix.encode()) == most
    with pytest.raises(UsageError) as caught:
        parse_location(f"{longest}x", place)
    assert f"at most {most:,} leave room" in str(caught.value)
    assert f"it has {most + 2:,} bytes" in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("place", ["package_uri", "log_uri"])
def test_a_place_of_the_fleet_leaves_room_for_the_names_below_it(place: str) -> None:
    longest = longest_prefix(place)
    assert longest <= LONGEST_KEY_BYTES - 100
    parse_s3_location(f"s3://bucket/{'p' * (longest - 1)}", place)
    with pytest.raises(UsageError, match=f"The prefix of the {place} .* is too long"):
        parse_s3_location(f"s3://bucket/{'p' * longest}", place)


@pytest.mark.parametrize("place", ["package_uri", "log_uri"])
def test_access_refuses_a_place_of_the_fleet_that_is_too_long(place: str) -> None:
    source, raw, lake = (
        parse_s3_location(f"s3://{name}/p", name) for name in ("source", "raw", "lake")
    )
    uri = f"s3://bucket/{'p' * longest_prefix(place)}"
    options = replace(AccessOptions(source, raw, lake, "arn:aws:iam::1:role/c"), **{place: uri})
    with pytest.raises(UsageError, match=f"The prefix of the {place} .* is too long"):
        options.terms("team", 30, datetime(2026, 11, 27, tzinfo=UTC))
