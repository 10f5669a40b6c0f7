"""Where source, raw and lake may be."""

from pathlib import Path
from typing import Any

import pytest

from checkout_assets.cli.main import run
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.locations import (
    LocalLocation,
    S3Location,
    check_reachable,
    check_writable,
    parse_location,
    parse_s3_location,
    principal,
    refuse_overlap,
)
from checkout_assets_tests.orders_place import OrdersPlace
from spark_jobs.stores import StoreTerms

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
    ("uri", "reason"),
    [
        ("", "is not an S3 URI"),
        ("bucket/a", "is not an S3 URI"),
        ("s3:/bucket", "begins with s3: and not with s3://"),
        ("http://b/a", "begins with http: and not with s3://"),
        ("s3a://bucket/a", "begins with s3a: and not with s3://"),
        ("s3n://bucket/a", "begins with s3n: and not with s3://"),
        ("S3://bucket/a", "begins with S3: and not with s3://"),
        ("s3://", "names no bucket"),
        ("s3:///a", "names no bucket"),
        ("s3://B/a", "a bucket name that S3 does not allow"),
        ("s3://a b/c", "a bucket name that S3 does not allow"),
        ("s3://a..b/c", "a bucket name that S3 does not allow"),
        ("s3://-bucket/c", "a bucket name that S3 does not allow"),
        ("s3://bucket?x/c", "a bucket name that S3 does not allow"),
        ("s3://bucket:9000/a", "AWS_ENDPOINT_URL_S3"),
        ("s3://bucket//a", "an empty segment"),
        ("s3://bucket/a//b", "an empty segment"),
        ("s3://bucket//", "an empty segment"),
        ("s3://bucket/a//", "an empty segment"),
        ("s3://bucket/a/../b", "a . or .. segment"),
        ("s3://bucket/./b", "a . or .. segment"),
        ("s3://bucket/a?versionId=1", "a query"),
        ("s3://bucket/a#b", "a fragment"),
        (" s3://bucket/a", "begins or ends with a space or a line break"),
        ("s3://bucket/a ", "begins or ends with a space or a line break"),
        ("s3://bucket/a\n", "begins or ends with a space or a line break"),
        ("s3://bucket/a\nb", "a character that does not print"),
        ("s3://bucket/a\u202eb", "a character that does not print"),
        ("s3://bucket--use1-az4--x-s3/a", "a directory bucket"),
        ("s3://point-abc--ol-s3/a", "an Object Lambda access point"),
        ("s3://arn:aws:s3:us-east-1:111111111111:accesspoint/orders/a", "write its alias"),
        ("s3://arn:aws:s3:us-east-1:111111111111:accesspoint:orders/a", "write its alias"),
        ("arn:aws:s3:us-east-1:111111111111:accesspoint/orders", "write its alias"),
        ("arn:aws:s3:::bucket/a", "is an ARN"),
    ],
)
def test_what_names_no_place_or_another_one_is_refused_with_the_reason(
    uri: str, reason: str
) -> None:
    for parse in (
        (parse_s3_location, parse_location) if "s3:" in uri.lower() else [parse_s3_location]
    ):
        with pytest.raises(UsageError) as refused:
            parse(uri, "source")
        sentence = str(refused.value)
        assert sentence.startswith('The source "')
        assert reason in sentence
        assert sentence.isprintable()


@pytest.mark.parametrize("uri", ["s3://key:secret@bucket/a", "s3a://key:secret@bucket/a"])
def test_a_secret_in_a_uri_is_not_repeated(uri: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_s3_location(uri, "source")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "bucket",
    ["orders-abcdefghijklmnopqrstuvwxyz0123456789-s3alias", "My_Old.Bucket", "b" * 255, "1.2"],
)
def test_aliases_and_names_that_only_old_buckets_have_are_places(bucket: str) -> None:
    place = parse_s3_location(f"s3://{bucket}/my folder/50%", "source")
    assert place == S3Location(bucket, "my folder/50%/")


def test_a_lake_may_be_a_directory(tmp_path: Path) -> None:
    assert parse_location(str(tmp_path), "lake") == LocalLocation(tmp_path)
    assert parse_location("s3://lake-1/x", "lake") == S3Location("lake-1", "x/")
    for wrong in ("http://host/x", "", " lake", "s3:/bucket", "S3:bucket/a"):
        with pytest.raises(UsageError):
            parse_location(wrong, "lake")
    assert parse_location("file:///a%20b", "lake") == LocalLocation(Path("/a b"))
    assert parse_location("file:/a/b", "lake") == LocalLocation(Path("/a/b"))


def test_a_file_uri_of_another_machine_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError) as refused:
        parse_location("file://host/lake", "lake")
    assert str(refused.value) == (
        'The lake "file://host/lake" cannot be used: it names another machine: '
        "write file:///path with three slashes."
    )


def test_a_lake_that_cannot_be_written_is_refused_with_the_reason(tmp_path: Path) -> None:
    lake = tmp_path / "not" / "yet"
    check_writable(LocalLocation(lake), "lake")
    assert not lake.parent.exists()
    with pytest.raises(UsageError, match=r"The lake /proc/lake cannot be written: \w+"):
        check_writable(LocalLocation(Path("/proc/lake")), "lake")


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


def test_places_on_the_same_terms_share_a_client_and_other_terms_have_their_own(
    place: OrdersPlace,
) -> None:
    made = []

    def make_client() -> Any:
        made.append(principal().client("s3"))
        return made[-1]

    paid = place.raw.on(StoreTerms(requester_pays=True))
    check_reachable({"source": place.source, "raw": place.raw}, make_client)
    assert len(made) == 1
    check_reachable({"source": place.source, "raw": paid}, make_client)
    assert len(made) == 3


def test_a_missing_bucket_is_refused_by_its_role(place: OrdersPlace) -> None:
    with pytest.raises(
        UsageError, match=r"The raw s3://no-such-bucket .* the bucket does not exist"
    ):
        check_reachable({"source": place.source, "raw": S3Location("no-such-bucket")})


def test_a_file_is_no_lake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is not a directory"):
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
