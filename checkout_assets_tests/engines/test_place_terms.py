"""Every request to a place carries that place's terms: who pays, who owns it, its encryption."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.cli.main import run
from checkout_assets.definitions import build_resources
from checkout_assets.domain.access.grants import granted
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.engines.access import proving
from checkout_assets.engines.access.grant_record import keep_grant
from checkout_assets.engines.access.options import access_options
from checkout_assets.engines.access.source_reach import source_answers
from checkout_assets.engines.access.status import look_at_access
from checkout_assets.engines.copying.engine import CopyTerms
from checkout_assets.engines.ec2.user_data import worker_variables
from checkout_assets.engines.emr.options import EmrOptions, JobPackage, OrdersJob
from checkout_assets.engines.emr.request import launch_request, step_request
from checkout_assets.engines.locations import S3Location, check_reachable, parse_s3_location
from checkout_assets.engines.place_terms import PlaceTerms
from checkout_assets.engines.worker.reporting import open_reports
from checkout_assets.engines.worker.reports import Listening
from checkout_assets.packaging.contents import Role
from checkout_assets.packaging.stored import upload_package
from checkout_assets.settings import Settings
from checkout_assets_tests.bucket_rules import bucket_of, encrypted_writes, requester_pays
from checkout_assets_tests.emr_place import X86, build_job
from checkout_assets_tests.fault_proxy import Answer, FaultProxy
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.strict_iam.access_place import InProcessSpark
from spark_jobs.job.run import structure_folders
from spark_jobs.job.staging import StructureJob
from spark_jobs.stores import StoreTerms, open_store

KEY = "arn:aws:kms:us-east-2:222222222222:key/1234"
DOCUMENT = f"{FOLDER}/A/id/1"
ORDER = json.dumps({"Id": "v1-01", "LastChange": "2018-10-31T14:00:00Z"}).encode()
Set = Callable[..., None]


def chosen() -> list[Folder]:
    return select_folders([FOLDER])


@pytest.fixture
def variables(place: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> Set:
    """Sets CHECKOUT_* variables; the places are named already."""

    def set_them(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"CHECKOUT_{name.upper()}", value)

    set_them(source_uri=place.source.uri, raw_uri=place.raw.uri, lake_uri=place.lake.uri)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
    return set_them


@pytest.fixture
def paid(place: OrdersPlace, proxy: FaultProxy, variables: Set) -> OrdersPlace:
    """A requester-pays source with a document and a large object."""
    place.put(DOCUMENT, ORDER)
    proxy.rule = requester_pays(place.source.bucket)
    return place


def test_a_requester_pays_source_is_copied_and_reconciled(
    paid: OrdersPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["copy", "--requester-pays", FOLDER]) == 0
    capsys.readouterr()
    assert run(["reconcile", "--requester-pays", "--json", FOLDER]) == 1, "it is not structured"
    (folder,) = json.loads(capsys.readouterr().out)["folders"]
    assert [cause["reason"] for cause in folder["causes"]] == ["not_structured"]


@pytest.mark.parametrize("command", ["copy", "reconcile"])
def test_without_the_option_it_is_refused_and_the_option_is_named(
    paid: OrdersPlace, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert run([command, FOLDER]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "access to it is denied" in line
    assert "--requester-pays" in line


def test_parts_of_a_requester_pays_source_are_copied(paid: OrdersPlace) -> None:
    paid.put(f"{FOLDER}/b/id/2", b"x" * 6_000_000)
    copied = paid.copy_one(terms=CopyTerms(requester_pays=True), largest_copy=1_000_000)
    assert copied.ok, copied.error


def test_the_platform_and_access_say_that_the_requester_pays(
    paid: OrdersPlace, variables: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables(requester_pays="true")
    settings = Settings()
    resources = build_resources(settings)

    assert all(copied.ok for copied in resources["copy_engine"].engine().run(chosen(), "run"))
    reconciler = resources["reconciler"].engine()
    (compared,) = reconciler.run(chosen(), "run")
    assert compared.copy.listed == 1
    assert reconciler.unexpected() == []
    options = access_options(settings)
    assert look_at_access(options, datetime.now(UTC)).answers
    assert source_answers(resources["access"].stores.source())
    monkeypatch.setattr(proving, "ALL_FOLDERS", chosen())
    assert proving.prove(options, "run").with_source


def test_finding_the_regions_of_a_paid_bucket_says_so_too(
    paid: OrdersPlace, proxy: FaultProxy
) -> None:
    place = paid.source.on(StoreTerms(requester_pays=True))
    store = place.open()
    store.client.head_bucket(Bucket=place.bucket)
    store.client.get_bucket_location(Bucket=place.bucket)
    assert {request.method for request in proxy.seen} == {"HEAD", "GET"}


def test_reconcile_asks_with_the_owners_it_was_given(paid: OrdersPlace, proxy: FaultProxy) -> None:
    owners = {paid.source.bucket: "1" * 12, paid.raw.bucket: "2" * 12}
    options = ["--requester-pays", "--source-account", "1" * 12, "--raw-account", "2" * 12]
    assert run(["copy", *options, FOLDER]) == 0
    proxy.seen.clear()
    assert run(["reconcile", *options, FOLDER]) == 1
    assert {bucket_of(request) for request in proxy.seen} == owners.keys()
    for request in proxy.seen:
        assert request.headers["x-amz-expected-bucket-owner"] == owners[bucket_of(request)]


@pytest.mark.parametrize(("encryption", "key"), [("AES256", ""), ("aws:kms", KEY)])
def test_everything_written_to_raw_is_encrypted_as_asked(
    place: OrdersPlace, proxy: FaultProxy, variables: Set, encryption: str, key: str
) -> None:
    place.put(DOCUMENT, ORDER)
    place.put(f"{FOLDER}/b/id/2", b"x" * 6_000_000)
    proxy.rule = encrypted_writes(place.raw.bucket, encryption, key)
    terms = CopyTerms(encryption=encryption, kms_key=key)
    for run_id in ("1", "2"):
        copied = place.copy_one(run_id=run_id, terms=terms, largest_copy=1_000_000)
        assert copied.ok, copied.error

    variables(encryption=encryption, kms_key=key)
    raw = access_options(Settings()).raw.open()
    keep_grant(raw, granted("a test", datetime.now(UTC), datetime.now(UTC)))


def test_the_command_line_encrypts_all_of_raw(
    place: OrdersPlace, proxy: FaultProxy, variables: Set
) -> None:
    place.put(DOCUMENT, ORDER)
    proxy.rule = encrypted_writes(place.raw.bucket, "aws:kms", KEY)
    assert run(["copy", "--encryption", "aws:kms", "--kms-key", KEY, FOLDER]) == 0


def test_the_storage_class_is_of_copies_only(place: OrdersPlace, proxy: FaultProxy) -> None:
    place.put(DOCUMENT, ORDER)
    assert place.copy_one(terms=CopyTerms(storage_class="STANDARD_IA")).ok
    told = [r for r in proxy.seen if "x-amz-storage-class" in r.headers]
    assert told == proxy.copies


@pytest.fixture
def lake(place: OrdersPlace, proxy: FaultProxy) -> S3Location:
    """A lake in S3 whose policy wants KMS."""
    made = S3Location(place.raw.bucket.replace("raw", "lake"), "tables/")
    where = {"LocationConstraint": "us-east-2"}
    place.client.create_bucket(Bucket=made.bucket, CreateBucketConfiguration=where)
    proxy.rule = encrypted_writes(made.bucket, "aws:kms", KEY)
    return made


@pytest.mark.parametrize("encrypted", [True, False])
def test_everything_written_to_the_lake_is_encrypted_as_asked(
    place: OrdersPlace, lake: S3Location, encrypted: bool
) -> None:
    place.put(DOCUMENT, ORDER)
    place.put(f"{FOLDER}/A/id/2", b"no order")
    assert place.copy_one().ok
    terms = PlaceTerms(lake_encryption="aws:kms" if encrypted else "", lake_kms_key=KEY).of("lake")
    spark: Any = InProcessSpark()
    for run_id in ("1", "2"):
        job = StructureJob(place.raw.uri, lake.uri, run_id, (FOLDER,), lake_terms=terms)
        (structured,) = structure_folders(spark, job)
        assert structured.ok is encrypted, structured.error
    if encrypted:
        assert structured.totals.rows == 1
        open_store(lake.uri, terms).put("_results/a.json", b"{}")


def test_a_step_of_emr_tells_the_job_its_terms() -> None:
    terms = PlaceTerms(raw_account="2" * 12, lake_encryption="aws:kms", lake_kms_key=KEY)
    package = JobPackage("s3://artifacts/structure_orders.py")
    job = OrdersJob(package, "s3://raw", "s3://lake", "keep", "us-east-2")
    told = replace(job, raw_terms=terms.of("raw"), lake_terms=terms.of("lake"))
    options = EmrOptions(deployment="a-test", log_uri="s3://logs", log_kms_key=KEY)

    words = step_request(options, told, FOLDER, "run", 1)["HadoopJarStep"]["Args"]
    for name, value in (
        ("--raw-account", "2" * 12),
        ("--lake-encryption", "aws:kms"),
        ("--lake-kms-key", KEY),
    ):
        assert words[words.index(name) + 1] == value
    assert words[-1] == FOLDER
    assert launch_request(options, "run", [])["LogEncryptionKmsKeyId"] == KEY
    plain = step_request(options, job, FOLDER, "run", 1)["HadoopJarStep"]["Args"]
    assert "--lake-encryption" not in plain


def test_what_is_written_for_the_fleet_is_encrypted_as_asked(
    place: OrdersPlace, proxy: FaultProxy, variables: Set, tmp_path: Path
) -> None:
    proxy.rule = encrypted_writes(place.raw.bucket, "aws:kms", KEY)
    variables(fleet_encryption="aws:kms", fleet_kms_key=KEY)
    terms = PlaceTerms.given_by(Settings()).of("fleet")
    fleet = parse_s3_location(f"s3://{place.raw.bucket}/fleet", "fleet", terms)
    build_job(tmp_path / "package")

    upload_package(tmp_path / "package", f"{fleet.uri}/package", [Role.SPARK_SCRIPT], X86, terms)
    open_reports(fleet).listen(Listening(datetime.now(UTC)))
    told = worker_variables(Settings())
    assert told["CHECKOUT_FLEET_ENCRYPTION"] == "aws:kms"
    assert told["CHECKOUT_FLEET_KMS_KEY"] == KEY


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lake_encryption": "kms"}, 'The lake encryption "kms" is wrong'),
        ({"fleet_encryption": "aes"}, 'The fleet encryption "aes" is wrong'),
        ({"lake_encryption": "AES256", "lake_kms_key": KEY}, "without the lake encryption aws:kms"),
        ({"source_account": "12"}, 'The source account "12" is wrong'),
        ({"raw_account": "12"}, 'The raw account "12" is wrong'),
    ],
)
def test_wrong_terms_are_one_sentence(given: dict[str, str], said: str) -> None:
    place = next(iter(given)).partition("_")[0]
    with pytest.raises(UsageError, match=said):
        PlaceTerms(**given).of(place)  # type: ignore[arg-type]


def test_a_key_that_is_named_for_the_policies_only_is_not_sent() -> None:
    terms = PlaceTerms(kms_key=KEY, lake_kms_key=KEY)
    assert terms.of("raw") == terms.of("lake") == StoreTerms()


def test_a_probe_names_the_account_that_must_own_the_bucket(
    place: OrdersPlace, proxy: FaultProxy
) -> None:
    proxy.rule = lambda _: Answer(403, "AccessDenied")
    raw = place.raw.on(StoreTerms("2" * 12))
    with pytest.raises(UsageError, match="account 222222222222 must own the bucket"):
        check_reachable({"raw": raw})
