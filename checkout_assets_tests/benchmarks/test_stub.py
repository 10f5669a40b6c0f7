"""The benchmark's S3 stub answers like S3 in all that is used of it, and counts what arrives."""

import http.client
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from benchmarks.copy import bench, ours
from benchmarks.copy.clients import OURS, S5CMD_CP, Client
from benchmarks.copy.keyspace import KeySpace
from benchmarks.copy.place import FOLDER, Stub, serving
from benchmarks.copy.stub import RAW, RAW_PREFIX, SOURCE, SOURCE_PREFIX
from benchmarks.processes import CannotCountError, ControlGroup

_OBJECTS = 25
_SPACE = KeySpace([FOLDER], _OBJECTS)


@pytest.fixture(scope="module")
def running() -> Iterator[Stub]:
    """One stub for all tests here."""
    with serving(_OBJECTS) as stub:
        yield stub


@pytest.fixture
def stub(running: Stub) -> Stub:
    """The stub with an empty raw bucket and no faults."""
    running.clear()
    running.behave(latency=0, slow_down=0, error_in_200=0, reset=0)
    return running


@pytest.fixture
def s3(stub: Stub) -> Any:
    """A boto3 client of the stub, which never tries twice."""
    return boto3.client(
        "s3",
        endpoint_url=stub.url,
        region_name="us-east-2",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=Config(retries={"total_max_attempts": 1}),
    )


def _source_key(number: int) -> str:
    return f"{SOURCE_PREFIX}/{_SPACE.key(number).decode()}"


def _raw_key(number: int) -> str:
    return f"{RAW_PREFIX}/{_SPACE.key(number).decode()}"


def _copy(s3: Any, number: int, **more: Any) -> Any:
    source = {"Bucket": SOURCE, "Key": _source_key(number)}
    return s3.copy_object(Bucket=RAW, Key=_raw_key(number), CopySource=source, **more)


def _pages(s3: Any, size: int, **asked: Any) -> list[list[str]]:
    pages = s3.get_paginator("list_objects_v2").paginate(
        PaginationConfig={"PageSize": size}, **asked
    )
    return [[entry["Key"] for entry in page.get("Contents", [])] for page in pages]


def _code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_listing_comes_in_full_pages_and_misses_nothing(s3: Any) -> None:
    pages = _pages(s3, 10, Bucket=SOURCE, Prefix=f"{SOURCE_PREFIX}/{FOLDER}/")
    assert [len(page) for page in pages] == [10, 10, 5]
    assert [key for page in pages for key in page] == [_source_key(n) for n in range(_OBJECTS)]


def test_listing_that_fills_its_last_page_has_no_empty_one_after(s3: Any) -> None:
    assert [len(page) for page in _pages(s3, 5, Bucket=SOURCE)] == [5] * 5


def test_listing_starts_after_a_key_whether_it_exists_or_not(s3: Any) -> None:
    for after in (_source_key(20), _source_key(20) + "~"):
        (keys,) = _pages(s3, 1000, Bucket=SOURCE, StartAfter=after)
        assert keys == [_source_key(n) for n in range(21, _OBJECTS)]


def test_listing_is_in_the_order_of_utf8_bytes_and_keeps_hostile_keys(s3: Any) -> None:
    names = [
        "!",
        "\ufffd",
        "\U0001f600",
        "a b",
        "a+b",
        "a%2Fb",
        "a\nb",
        "a&<b>",
        "é",
        "Z",
        "_",
        "x//y/",
    ]
    _copy(s3, 3)
    for name in names:
        s3.put_object(Bucket=RAW, Key=f"{RAW_PREFIX}/{name}", Body=b"x")
    expected = sorted([_raw_key(3), *(f"{RAW_PREFIX}/{name}" for name in names)], key=str.encode)
    for size in (1, 3, 1000):
        assert [key for page in _pages(s3, size, Bucket=RAW) for key in page] == expected


def test_listing_with_a_delimiter_shows_each_common_prefix_once(s3: Any) -> None:
    for name in ("a/1", "a/2", "b", "c/1"):
        s3.put_object(Bucket=RAW, Key=name, Body=b"x")
    for size in (1, 2, 1000):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=RAW, Delimiter="/", PaginationConfig={"PageSize": size}
        )
        found = list(pages)
        keys = [entry["Key"] for page in found for entry in page.get("Contents", [])]
        prefixes = [p["Prefix"] for page in found for p in page.get("CommonPrefixes", [])]
        assert (keys, prefixes) == (["b"], ["a/", "c/"])


def test_listing_agrees_with_what_the_object_itself_says(s3: Any) -> None:
    listed = s3.list_objects_v2(Bucket=SOURCE, MaxKeys=1)["Contents"][0]
    head = s3.head_object(Bucket=SOURCE, Key=listed["Key"])
    answer = s3.get_object(Bucket=SOURCE, Key=listed["Key"])
    body = answer["Body"].read()
    assert listed["Size"] == head["ContentLength"] == len(body)
    assert listed["ETag"] == head["ETag"] == answer["ETag"]


def test_writes_hold_their_conditions(s3: Any) -> None:
    key = "_manifests/record.json"
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=RAW, Key=key, Body=b"1", IfMatch='"0"')
    assert _code(refused) == "NoSuchKey"
    first = s3.put_object(Bucket=RAW, Key=key, Body=b"1", IfNoneMatch="*")["ETag"]
    for condition in ({"IfNoneMatch": "*"}, {"IfMatch": '"0"'}):
        with pytest.raises(ClientError) as refused:
            s3.put_object(Bucket=RAW, Key=key, Body=b"2", **condition)
        assert _code(refused) == "PreconditionFailed"
    s3.put_object(Bucket=RAW, Key=key, Body=b"2", IfMatch=first)
    assert s3.get_object(Bucket=RAW, Key=key)["Body"].read() == b"2"


def test_copy_arrives_with_its_entity_tag(s3: Any, stub: Stub) -> None:
    tag = s3.head_object(Bucket=SOURCE, Key=_source_key(7))["ETag"]
    assert _copy(s3, 7, CopySourceIfMatch=tag)["CopyObjectResult"]["ETag"] == tag
    assert s3.head_object(Bucket=RAW, Key=_raw_key(7))["ETag"] == tag
    assert stub.arrived() == 1


def test_copy_of_another_version_or_of_nothing_is_refused(s3: Any, stub: Stub) -> None:
    with pytest.raises(ClientError) as refused:
        _copy(s3, 7, CopySourceIfMatch='"0"')
    assert _code(refused) == "PreconditionFailed"
    with pytest.raises(ClientError) as refused:
        s3.copy_object(Bucket=RAW, Key="a", CopySource={"Bucket": SOURCE, "Key": "none"})
    assert _code(refused) == "NoSuchKey"
    assert stub.arrived() == 0


def test_copy_over_something_else_than_was_listed_is_refused(s3: Any, stub: Stub) -> None:
    tag = _copy(s3, 7, IfNoneMatch="*")["CopyObjectResult"]["ETag"]
    for condition in ({"IfNoneMatch": "*"}, {"IfMatch": '"0"'}):
        with pytest.raises(ClientError) as refused:
            _copy(s3, 7, **condition)
        assert _code(refused) == "PreconditionFailed"
    assert _copy(s3, 7, IfMatch=tag)["CopyObjectResult"]["ETag"] == tag
    assert stub.arrived() == 1


def test_other_bytes_under_an_objects_key_have_not_arrived(s3: Any, stub: Stub) -> None:
    _copy(s3, 7)
    s3.put_object(Bucket=RAW, Key=_raw_key(7), Body=b"other")
    assert stub.arrived() == 0
    assert _pages(s3, 10, Bucket=RAW) == [[_raw_key(7)]]


def test_deleted_objects_are_gone(s3: Any, stub: Stub) -> None:
    for number in (1, 2, 3):
        _copy(s3, number)
    s3.delete_object(Bucket=RAW, Key=_raw_key(1))
    s3.put_object(Bucket=RAW, Key="a&b", Body=b"x")
    doomed = [{"Key": _raw_key(2)}, {"Key": "a&b"}]
    s3.delete_objects(Bucket=RAW, Delete={"Objects": doomed})
    assert _pages(s3, 10, Bucket=RAW) == [[_raw_key(3)]]
    assert stub.arrived() == 1


def test_source_takes_no_writes(s3: Any) -> None:
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=SOURCE, Key="a", Body=b"x")
    assert _code(refused) == "AccessDenied"


def test_error_in_200_carries_an_error_and_copies_nothing(stub: Stub) -> None:
    stub.behave(error_in_200=1)
    connection = http.client.HTTPConnection("127.0.0.1", stub.port)
    place = {"x-amz-copy-source": f"/{SOURCE}/{_source_key(7)}"}
    connection.request("PUT", f"/{RAW}/{_raw_key(7)}", headers=place)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200
    assert b"<Error><Code>InternalError</Code>" in body
    assert stub.arrived() == 0


def test_slow_down_and_reset_fail_every_request_at_a_share_of_one(s3: Any, stub: Stub) -> None:
    stub.behave(slow_down=1)
    with pytest.raises(ClientError) as refused:
        _copy(s3, 7)
    assert _code(refused) == "SlowDown"
    stub.behave(slow_down=0, reset=1)
    with pytest.raises(ConnectionClosedError):
        _copy(s3, 7)
    assert stub.arrived() == 0


def test_every_answer_takes_the_latency(s3: Any, stub: Stub) -> None:
    stub.behave(latency=0.1)
    started = time.monotonic()
    _copy(s3, 7)
    assert time.monotonic() - started >= 0.1


def test_ours_copies_again_only_what_is_missing_and_its_parts_run(stub: Stub) -> None:
    _need_counting()
    assert ours.fresh(stub).cpu_seconds > 0
    assert ours.nothing_to_do(stub).peak_mb > 0
    for part in ("nothing", "transport", "listing", "manifest"):
        assert ours.part(stub, part).code == 0


def test_client_that_copies_nothing_is_not_measured(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    _need_counting()
    monkeypatch.setattr(ours, "OURS", Client("ours", "true", lambda program, _: [program]))
    with pytest.raises(RuntimeError, match="0 of 25 arrived"):
        ours.fresh(stub)


def test_peer_that_loses_objects_is_shown(stub: Stub) -> None:
    _need_counting()
    idle = Client("idle", "true", lambda program, _: [program])
    assert bench.run_case(bench.Case(bench.FRESH, idle, _OBJECTS), stub).lost == _OBJECTS


def test_stub_that_is_not_twice_as_fast_misses_its_target() -> None:
    figures = bench.Sample(0.2, 1000, 1000, 50, 10, 0, 0)
    medians = {(bench.FRESH, OURS.name): figures, (bench.FRESH, S5CMD_CP.name): figures}
    verdicts = {t.what: t.met for t in bench.targets(medians, {bench.FRESH: 1999})}
    assert verdicts == {
        "CPU, fresh copy, against s5cmd cp": False,
        "the stub's rate, fresh copy, against the fastest client": False,
    }


def _need_counting() -> None:
    try:
        ControlGroup().remove()
    except CannotCountError as error:
        pytest.skip(str(error))
