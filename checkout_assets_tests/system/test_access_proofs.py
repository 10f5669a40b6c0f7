"""Our policies under AWS's rules: enough for the real work, nothing too much, and over in time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from checkout_assets.domain.access.bucket_policies import source_statements
from checkout_assets.domain.access.grants import granted
from checkout_assets.engines.access.grant_record import keep_grant
from checkout_assets.engines.copying import earlier
from checkout_assets.engines.copying.engine import CopyEngine
from checkout_assets.engines.locations import S3Location
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.bucket_rules import bucket_of
from checkout_assets_tests.fault_proxy import Answer, Request
from checkout_assets_tests.orders_place import FOLDER
from checkout_assets_tests.strict_iam.access_place import (
    ANY_TERMS,
    COPIER,
    EXPIRES_AFTER,
    FOLDERS,
    LARGER,
    ORDER,
    PLAIN,
    RECONCILER,
    STRANGER,
    STRUCTURER,
    AccessPlace,
    filled_place,
)
from checkout_assets_tests.strict_iam.smaller import needless_of_roles, without_one
from spark_jobs.contract.keys import publication_record_key, staged_key
from spark_jobs.contract.publication import PUBLISHING, PublicationRecord
from spark_jobs.job import publishing
from spark_jobs.stores import open_store

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture
def place(s3_server: EmbeddedS3Server, tmp_path: Path) -> Iterator[AccessPlace]:
    """A source, raw and lake of the test's own, with objects in them."""
    with filled_place(s3_server, tmp_path) as place:
        yield place


def work(place: AccessPlace) -> list[str]:
    """All that copying, structuring and reconciling ever ask S3 for; what went wrong."""
    problems = place.copy(run_id="1") + place.structure(run_id="1") + place.reconcile()
    left_behind = staged_key(FOLDER, "dead", "file.parquet")
    open_store(place.lake.uri).put(left_behind, b"left behind")
    for run_id in ("2", "3"):
        place.inside.put(f"{FOLDER}{PLAIN}", ORDER.replace(b"v1-01", f"v{run_id}-01".encode()))
        problems += place.copy(run_id=run_id)
    return problems + place.structure(run_id="3") + place.reconcile()


def lies_about(key: str) -> Callable[[Request], Answer | None]:
    """S3 tells of one copy another tag than its bytes have, as it does with KMS."""
    told = f"<CopyObjectResult><ETag>{'0123456789abcdef' * 2}</ETag></CopyObjectResult>"

    def rule(request: Request) -> Answer | None:
        lie = request.is_copy and request.path.endswith(key)
        return Answer(200, done=True, content=told) if lie else None

    return rule


def fails_in_parts(request: Request) -> Answer | None:
    """A part cannot be copied, and the upload has to be given up."""
    return Answer(400, "InvalidRequest") if "partNumber=" in request.path else None


def denies(bucket: str) -> Callable[[Request], Answer | None]:
    """Everything that is asked of the bucket is denied."""
    return lambda request: Answer(403, "AccessDenied") if bucket_of(request) == bucket else None


@pytest.fixture(scope="module")
def asked(
    s3_server: EmbeddedS3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AccessPlace]:
    """A place where all was granted and everything has been asked for at least once."""
    with (
        filled_place(s3_server, tmp_path_factory.mktemp("asked")) as place,
        pytest.MonkeyPatch.context() as patch,
    ):
        for module in (earlier, publishing):  # what nobody needs is removed at once
            patch.setattr(module, "ABANDONED_AFTER", timedelta(seconds=-60))
        place.grant()
        assert work(place) == []
        ask_what_is_rare(place)
        yield place


def ask_what_is_rare(place: AccessPlace) -> None:
    """What is asked for when S3 tells other tags than expected, when a part cannot be copied, and
    when the source denies what nothing says has ended.
    """
    for folder in FOLDERS:
        place.inside.put(f"{folder}/doubtful/id/1", ORDER)
    place.strict.also = lies_about("doubtful/id/1")
    assert "another MD5" in str(place.copy(run_id="4"))
    for folder in FOLDERS:
        place.inside.put(f"{folder}{LARGER}", ORDER + b"  larger still")
    place.strict.also = fails_in_parts
    assert "InvalidRequest" in str(place.copy(run_id="5"))
    place.strict.also = denies(place.source.bucket)
    assert "access to it is denied" in str(place.reconcile())
    place.strict.also = lambda _: None
    assert "was not copied" in str(place.structure(run_id="6", names=("FF_CheckoutOrder",)))
    die_while_publishing(place)
    assert place.structure(run_id="7") == []


def die_while_publishing(place: AccessPlace) -> None:
    """What a run leaves that dies once its files are in place."""
    for folder in FOLDERS:
        key = publication_record_key(folder.name)
        record = PublicationRecord.from_json(place.inside.get(key, place.lake)["bytes"])
        place.inside.put(key, replace(record, state=PUBLISHING).to_json(), place.lake)


def test_what_is_granted_is_enough_for_all_the_work(asked: AccessPlace) -> None:
    uploads = asked.inside.client.list_multipart_uploads(Bucket=asked.raw.bucket)

    assert asked.strict.refused == []
    assert "Uploads" not in uploads
    assert not asked.inside.keys("_staging/", asked.lake)
    assert not [key for key in asked.inside.keys("_manifests/") if "/1-" in key]


def test_every_part_of_every_policy_is_needed(asked: AccessPlace) -> None:
    needless = needless_of_roles(asked.strict, (COPIER, STRUCTURER, RECONCILER))
    questions = asked.strict.kinds_asked()
    for what, statements in without_one(source_statements(asked.terms)):
        asked.set_policy(asked.source, statements)
        if not asked.strict.would_refuse(questions):
            needless.append(f"source: {what}")

    assert not needless, "\n".join(needless)


def test_nothing_is_answered_before_the_grant(place: AccessPlace) -> None:
    (denied,) = place.copy()
    assert "access to it is denied" in denied
    (denied,) = place.reconcile()
    assert "access to it is denied" in denied
    assert place.inside.keys() == []
    assert {each.ask.action for each in place.strict.refused} == {"s3:ListBucket"}


def test_the_copy_itself_is_denied_too_if_nobody_asks_beforehand(place: AccessPlace) -> None:
    with place.acting_as(COPIER):
        (copied,) = CopyEngine(place.source, place.raw).run(FOLDERS[:1], "run")

    assert "access was denied" in copied.error
    assert place.inside.keys(f"{FOLDER}/") == []


@pytest.mark.parametrize("statement", range(len(source_statements(ANY_TERMS))))
def test_without_a_statement_of_the_grant_the_work_fails(
    place: AccessPlace, statement: int
) -> None:
    place.grant()
    wanted = source_statements(place.terms)
    place.set_policy(place.source, wanted[:statement] + wanted[statement + 1 :])

    assert place.copy() != []
    assert place.inside.record() is None


def test_access_ends_with_the_revocation_and_raw_and_lake_are_compared_still(
    place: AccessPlace,
) -> None:
    place.grant()
    grant = granted("a test", place.now, place.terms.expires)
    keep_grant(place.inside.raw.open(), grant)
    assert place.copy() + place.structure() + place.reconcile() == []

    place.revoke()
    assert "access to it is denied" in str(place.copy(run_id="2"))
    assert "access to it is denied" in str(place.reconcile())  # nothing says that it has ended

    keep_grant(place.inside.raw.open(), grant.revoked(place.now, None))
    assert place.reconcile() == []
    assert place.structure(run_id="2") == []


def test_access_ends_with_the_expiry_although_nobody_revokes(place: AccessPlace) -> None:
    place.grant()
    keep_grant(place.inside.raw.open(), granted("a test", place.now, place.terms.expires))
    assert place.copy() + place.structure() == []

    place.strict.ahead = EXPIRES_AFTER - timedelta(minutes=1)
    assert place.copy(run_id="2") == []
    place.strict.ahead = EXPIRES_AFTER
    assert "access to it is denied" in str(place.copy(run_id="3"))
    assert refused(place, COPIER, "get_object", place.source, f"{FOLDER}{PLAIN}")
    assert place.reconcile() == []


def test_the_source_answers_encrypted_connections_only(place: AccessPlace) -> None:
    place.grant()
    place.strict.secure = False

    assert "access to it is denied" in str(place.copy())
    assert refused(place, COPIER, "get_object", place.source, f"{FOLDER}{PLAIN}")


def test_raw_and_lake_answer_encrypted_connections_only(place: AccessPlace) -> None:
    place.grant()
    assert place.copy() == []
    place.strict.secure = False

    assert "AccessDenied" in str(place.structure())
    assert refused(place, COPIER, "get_object", place.raw, f"{FOLDER}{PLAIN}")


@pytest.fixture(scope="module")
def whole(
    s3_server: EmbeddedS3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AccessPlace]:
    """Granted, copied and structured, for tests that only ask and are denied."""
    with filled_place(s3_server, tmp_path_factory.mktemp("whole")) as place:
        place.grant()
        for key in ("loose", "0A_OtherOrder/a/id/1"):
            place.inside.put(key)
        private = S3Location(place.source.bucket, "private/")
        place.inside.put("0A_CheckoutOrder/a/id/1", place=private)
        assert place.copy() + place.structure() == []
        yield place


@pytest.mark.parametrize(
    ("request_", "about"),
    [
        ("list_objects_v2", {}),
        ("list_objects_v2", {"Prefix": ""}),
        ("list_objects_v2", {"Prefix": "root/"}),
        ("list_objects_v2", {"Prefix": "root/", "Delimiter": "-"}),
        ("list_objects_v2", {"Prefix": "root/0"}),
        ("list_objects_v2", {"Prefix": "root/0A_OtherOrder/"}),
        ("list_objects_v2", {"Prefix": "private/"}),
        ("get_object", {"Key": "root/loose"}),
        ("get_object", {"Key": "root/0A_OtherOrder/a/id/1"}),
        ("get_object", {"Key": "private/0A_CheckoutOrder/a/id/1"}),
        ("put_object", {"Key": "root/0A_CheckoutOrder/plain/id/1"}),
        ("delete_object", {"Key": "root/0A_CheckoutOrder/plain/id/1"}),
        ("get_bucket_policy", {}),
        ("delete_bucket_policy", {}),
    ],
)
def test_nothing_else_of_the_source_is_open(
    whole: AccessPlace, request_: str, about: dict[str, str]
) -> None:
    assert denied(whole, COPIER, request_, Bucket=whole.source.bucket, **about)


def test_no_other_principal_reads_the_source(whole: AccessPlace) -> None:
    assert "access to it is denied" in str(whole.copy(STRANGER))
    for role in (STRANGER, RECONCILER, STRUCTURER):
        assert refused(whole, role, "get_object", whole.source, f"{FOLDER}{PLAIN}")
    assert not refused(whole, COPIER, "get_object", whole.source, f"{FOLDER}{PLAIN}")


def test_a_copy_is_denied_if_its_source_may_not_be_read(whole: AccessPlace) -> None:
    for source, allowed in ((f"{FOLDER}{PLAIN}", True), ("loose", False)):
        copy = {
            "Bucket": whole.raw.bucket,
            "Key": f"{whole.raw.prefix}{FOLDER}/late/id/1",
            "CopySource": {"Bucket": whole.source.bucket, "Key": whole.source.prefix + source},
        }
        assert denied(whole, COPIER, "copy_object", **copy) is not allowed


def test_who_may_write_elsewhere_cannot_copy_the_source_there(whole: AccessPlace) -> None:
    whole.strict.role(STRANGER, [EVERYTHING])
    key = f"{whole.source.prefix}{FOLDER}{PLAIN}"
    copy = {"Bucket": whole.source.bucket, "Key": key}
    there = {"Bucket": whole.raw.bucket, "Key": "elsewhere"}

    assert denied(whole, STRANGER, "copy_object", CopySource=copy, **there)
    assert whole.strict.refused[-1].ask.action == "s3:GetObject"
    assert not denied(whole, STRANGER, "put_object", **there)


def test_only_the_copy_writes_raw_administrators_included(place: AccessPlace) -> None:
    place.grant()
    assert place.copy() == []
    place.strict.role(STRANGER, [EVERYTHING])

    for key in (f"{FOLDER}{PLAIN}", f"_manifests/{FOLDER}/current.json"):
        assert refused(place, STRANGER, "put_object", place.raw, key)
        assert refused(place, STRANGER, "delete_object", place.raw, key)
        assert not refused(place, STRANGER, "get_object", place.raw, key)
    place.revoke()
    assert not refused(place, STRANGER, "delete_object", place.raw, f"{FOLDER}{PLAIN}")


@pytest.mark.parametrize(
    "key",
    [
        "consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31/live-pipeline.parquet",
        "consumable_tables/fulfillment/YEAR=2018/MONTH=10/DAY=31/0A_CheckoutOrder.r.0.parquet",
        "consumable_tables/other/YEAR=2018/MONTH=10/DAY=31/0A_CheckoutOrder.r.0.parquet",
        "something/else",
    ],
)
def test_structuring_touches_no_file_of_others(whole: AccessPlace, key: str) -> None:
    whole.inside.put(key, place=whole.lake)

    assert refused(whole, STRUCTURER, "put_object", whole.lake, key)
    assert refused(whole, STRUCTURER, "delete_object", whole.lake, key)


def test_reconciling_changes_nothing(whole: AccessPlace) -> None:
    for where in (whole.source, whole.raw, whole.lake):
        for key in (f"{FOLDER}{PLAIN}", f"_published/{FOLDER}.json"):
            assert refused(whole, RECONCILER, "put_object", where, key)
            assert refused(whole, RECONCILER, "delete_object", where, key)


def denied(place: AccessPlace, role: str, request: str, **about: Any) -> bool:
    """Whether the role is denied a request; raises what else goes wrong."""
    try:
        getattr(place.client(role), request)(**about)
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDenied":
            return True
        raise
    return False


def refused(place: AccessPlace, role: str, request: str, where: S3Location, key: str) -> bool:
    """Whether the role is denied a request about the object of that relative key."""
    return denied(place, role, request, Bucket=where.bucket, Key=where.prefix + key)
