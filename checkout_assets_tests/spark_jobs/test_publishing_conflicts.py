"""Publishing while S3 asks to try again, and while others write the record."""

import uuid
from collections.abc import Callable

import pytest

from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request, Rule
from checkout_assets_tests.spark_jobs.test_publishing import (
    FOLDER,
    first_run,
    published_bodies,
    second_run,
)
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.publication import PUBLISHED, PUBLISHING
from spark_jobs.job.plan import FolderError
from spark_jobs.job.publishing import finish_interrupted, publish, read_published
from spark_jobs.stores import ConflictError, S3Store, StoreError, s3

ASK_AGAIN = Answer(409, "ConditionalRequestConflict")
RECORD = publication_record_key(FOLDER)
NEW = [b"moved", b"two again"]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_LONGEST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def lake(aws: EmbeddedS3Server, proxy: FaultProxy) -> S3Store:
    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    aws.client().create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    return S3Store(bucket, "prefix")


def writes(state: str) -> Callable[[Request], bool]:
    """Whether a request writes the record in that state."""
    told = f'"state": "{state}"'.encode()
    return lambda r: r.method == "PUT" and r.path.endswith(RECORD) and told in r.body


def times(count: int, wanted: Callable[[Request], bool], answer: Answer = ASK_AGAIN) -> Rule:
    left = [answer] * count
    return lambda request: left.pop() if left and wanted(request) else None


@pytest.mark.parametrize("first", [True, False], ids=["first", "second"])
@pytest.mark.parametrize("state", [PUBLISHING, PUBLISHED])
@pytest.mark.parametrize("count", [1, 3])
def test_publishing_asks_again_as_s3_wants_it(
    lake: S3Store, proxy: FaultProxy, first: bool, state: str, count: int
) -> None:
    if first:
        proxy.rule = times(count, writes(state))
        assert first_run(lake).state == PUBLISHED
        assert sorted(published_bodies(lake).values()) == [b"bad", b"one", b"two"]
    else:
        first_run(lake)
        record = second_run(lake)
        proxy.rule = times(count, writes(state))
        assert publish(lake, record, read_published(lake, FOLDER)).state == PUBLISHED
        assert sorted(published_bodies(lake).values()) == NEW
    assert not list(lake.list("_staging/"))


@pytest.mark.parametrize("state", [PUBLISHING, PUBLISHED])
def test_a_conflict_that_never_ends_is_not_another_run(
    lake: S3Store, proxy: FaultProxy, state: str
) -> None:
    """It is the store that could not, and a later run publishes exactly the folder's rows."""
    first_run(lake)
    record = second_run(lake)
    proxy.rule = times(1000, writes(state))

    with pytest.raises(StoreError, match="ConditionalRequestConflict") as refused:
        publish(lake, record, read_published(lake, FOLDER))

    assert refused.value.transient
    assert not isinstance(refused.value, ConflictError)
    proxy.rule = lambda _: None
    publish(lake, second_run(lake), finish_interrupted(lake, FOLDER))
    assert sorted(published_bodies(lake).values()) == NEW


@pytest.mark.parametrize("state", [PUBLISHING, PUBLISHED])
def test_a_record_that_was_removed_meanwhile_is_told_as_that(
    lake: S3Store, proxy: FaultProxy, state: str
) -> None:
    first_run(lake)
    record = second_run(lake)

    def remove(request: Request) -> None:
        if writes(state)(request):
            proxy.rule = lambda _: None
            lake.delete([RECORD])

    proxy.rule = remove

    with pytest.raises(FolderError, match="publication record was removed meanwhile"):
        publish(lake, record, read_published(lake, FOLDER))


def test_an_answer_lost_after_a_conflict_is_no_loss(lake: S3Store, proxy: FaultProxy) -> None:
    first_run(lake)
    record = second_run(lake)
    answers = [Answer(500, "InternalError", done=True), ASK_AGAIN]
    wanted = writes(PUBLISHING)
    proxy.rule = lambda request: answers.pop() if answers and wanted(request) else None

    assert publish(lake, record, read_published(lake, FOLDER)).state == PUBLISHED
    assert sorted(published_bodies(lake).values()) == NEW
