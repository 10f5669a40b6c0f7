"""Where source, raw and lake may be."""

from pathlib import Path

import pytest

from checkout_assets.cli.main import run
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.locations import (
    LocalLocation,
    S3Location,
    check_reachable,
    parse_location,
    parse_s3_location,
    refuse_overlap,
)
from checkout_assets_tests.orders_place import OrdersPlace

LONG = f"s3://bucket/{'x' * 1000}"


@pytest.mark.parametrize(
    ("uri", "prefix"),
    [
        ("s3://bucket", ""),
        ("s3://bucket/", ""),
        ("s3://bucket/a", "a/"),
        ("s3://bucket/a/b/", "a/b/"),
    ],
)
def test_a_prefix_is_empty_or_ends_in_a_slash(uri: str, prefix: str) -> None:
    place = parse_s3_location(uri, "source")
    assert place == S3Location("bucket", prefix)
    assert parse_s3_location(place.uri, "source") == place


@pytest.mark.parametrize(
    "uri",
    ["", "bucket/a", "s3:/bucket", "s3://", "s3://B/a", "s3:///a", "http://b/a", "s3://a b/c"],
)
def test_what_is_no_place_in_s3_is_refused_by_its_role(uri: str) -> None:
    with pytest.raises(UsageError, match=r"The source .* is no place in S3"):
        parse_s3_location(uri, "source")


def test_a_lake_may_be_a_directory(tmp_path: Path) -> None:
    assert parse_location(str(tmp_path), "lake") == LocalLocation(tmp_path)
    assert parse_location("s3://lake-1/x", "lake") == S3Location("lake-1", "x/")
    for wrong in ("file:///x", ""):
        with pytest.raises(UsageError):
            parse_location(wrong, "lake")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("s3://bucket/x", "s3://bucket/x"),
        ("s3://bucket/x", "s3://bucket/x/"),
        ("s3://bucket/x", "s3://bucket/x/y"),
        ("s3://bucket", "s3://bucket/x"),
        ("s3://bucket/x/y/z", "s3://bucket/x"),
    ],
)
def test_places_inside_one_another_are_refused(one: str, other: str) -> None:
    places = {"source": parse_location(one, "source"), "raw": parse_location(other, "raw")}
    with pytest.raises(UsageError, match=r"source .* and the raw .* lie inside one another"):
        refuse_overlap(places)


def test_places_side_by_side_are_fine(tmp_path: Path) -> None:
    refuse_overlap(
        {
            "source": S3Location("bucket", "x/"),
            "raw": S3Location("bucket", "xy/"),
            "lake": LocalLocation(tmp_path),
        }
    )


def test_directories_inside_one_another_are_refused_through_symbolic_links(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(UsageError, match="inside one another"):
        refuse_overlap(
            {"raw": LocalLocation(real), "lake": LocalLocation(tmp_path / "link" / "not-yet")}
        )


def test_a_bucket_that_is_there_is_usable(place: OrdersPlace, tmp_path: Path) -> None:
    check_reachable({"source": place.source, "lake": LocalLocation(tmp_path / "new" / "lake")})


def test_a_missing_bucket_is_refused_by_its_role(place: OrdersPlace) -> None:
    with pytest.raises(UsageError, match=r"The raw s3://no-such-bucket .* there is no such bucket"):
        check_reachable({"source": place.source, "raw": S3Location("no-such-bucket")})


def test_a_file_is_no_lake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is no directory"):
        check_reachable({"lake": LocalLocation(tmp_path / "file" / "lake")})


@pytest.mark.parametrize(
    "asked",
    [
        ["copy", "--source", "s3://orders", "--raw", LONG, "all"],
        ["structure", "--raw", LONG, "--lake", "s3://lake", "all"],
        ["structure", "--raw", "s3://lake", "--lake", LONG, "all"],
        ["reconcile", "--raw", LONG, "--lake", "s3://lake"],
    ],
)
def test_a_prefix_that_is_too_long_is_refused_at_the_start(
    asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(asked) == 2
    told = capsys.readouterr().err
    assert "is too long: it has 1,001 bytes" in told
    assert told.count("\n") == 1
