"""The roles around the work under AWS's rules: the host, instances, and who grants and revokes."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster_aws.s3.compute_log_manager import S3ComputeLogManager

from checkout_assets.domain.access.host_policies import host_role
from checkout_assets.domain.access.launch_policies import launch_role
from checkout_assets.domain.access.role_policies import (
    copy_role,
    granter,
    policy_document,
    reconcile_role,
    source_granter,
    structure_role,
    worker_role,
)
from checkout_assets.domain.access.terms import Place
from checkout_assets.domain.canary import canary_uri, new_canary_id
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.reconciliation import Summary
from checkout_assets.domain.reporting.outcome import outcome_of
from checkout_assets.engines.access.granting import Granter
from checkout_assets.engines.access.options import AccessOptions
from checkout_assets.engines.canary.attributes import lost_attributes
from checkout_assets.engines.canary.places import CanaryPlaces
from checkout_assets.engines.copying.cutoff import settle_cut_off
from checkout_assets.engines.copying.engine import CopyEngine, CopyOptions, CopyTerms
from checkout_assets.engines.copying.records import find_record_of_run
from checkout_assets.engines.copying.sample import choose_sample
from checkout_assets.engines.emr.logs import read_log_end
from checkout_assets.engines.emr.results import RunResults
from checkout_assets.engines.locations import parse_s3_location, principal
from checkout_assets.engines.reporting.keeping import KeptReports
from checkout_assets.engines.worker.reports import (
    End,
    FolderReport,
    Listening,
    Phase,
    Progress,
    WorkerOutcome,
    WorkerReports,
)
from checkout_assets.packaging.contents import MANIFEST, Role
from checkout_assets.packaging.stored import find_package, upload_package
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.emr_place import X86, build_job
from checkout_assets_tests.strict_iam.access_place import (
    COPIER,
    FLEET_KEY,
    FOLDERS,
    GRANTER,
    HOST,
    RAW_ACCOUNT,
    SOURCE_ACCOUNT,
    SOURCE_GRANTER,
    STRANGER,
    STRUCTURER,
    WORKER,
    AccessPlace,
    InProcessSpark,
    filled_place,
    key_policy,
)
from checkout_assets_tests.strict_iam.evaluation import Document
from checkout_assets_tests.strict_iam.smaller import needless_of_roles
from checkout_assets_tests.strict_iam.strict_s3 import Key
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.publication import PublicationRecord
from spark_jobs.contract.words import KEEP
from spark_jobs.job.run import structure_folders
from spark_jobs.job.staging import StructureJob
from spark_jobs.stores import Store, open_store

THEIRS = (
    '{"Sid": "theirs", "Effect": "Deny", "Principal": "*", '
    '"Action": "s3:PutBucketAcl", "Resource": "*"}'
)
STEP = "j-1/steps/s-1/stderr.gz"
DRIVER = "j-1/containers/application_1_1/container_1_1_01_000001/stderr.gz"


class RolesPlace:
    """An AccessPlace with buckets for the program, reports and logs, and the roles around."""

    def __init__(self, access: AccessPlace, directory: Path) -> None:
        self.access = access
        self.buckets = {
            what: access.raw.bucket.replace("raw", what) for what in ("package", "fleet", "logs")
        }
        for bucket in self.buckets.values():
            access.inside.client.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
            )
            access.strict.accounts[bucket] = RAW_ACCOUNT
            access.strict.keys[bucket] = Key(
                FLEET_KEY, key_policy(f"arn:aws:iam::{RAW_ACCOUNT}:root")
            )
        self.runs = access.raw.bucket.replace("raw", "runs")
        access.inside.client.create_bucket(
            Bucket=self.runs, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
        )
        access.strict.accounts[self.runs] = RAW_ACCOUNT
        self.terms = replace(
            access.terms,
            package=Place(self.buckets["package"], "package/"),
            reports=Place(self.buckets["fleet"], "fleet/"),
            logs=Place(self.buckets["logs"], "logs/"),
            run_logs=Place(self.runs, "dagster/"),
            fleet_key=FLEET_KEY,
        )
        strict, terms = access.strict, self.terms
        host = strict.role(HOST, host_role(terms))
        host.policies["launch"] = policy_document(launch_role(terms))
        host.policies["reconcile"] = policy_document(reconcile_role(terms))
        strict.role(WORKER, worker_role(terms))
        strict.role(STRUCTURER, structure_role(terms))
        # A trust in the account leaves it to the roles' own policies who may.
        strict.role(COPIER, copy_role(terms), trusts=[f"arn:aws:iam::{RAW_ACCOUNT}:root"])
        strict.role(GRANTER, granter(terms))
        strict.role(SOURCE_GRANTER, source_granter(terms), trusts=[GRANTER])
        self.directory = directory / "package"
        build_job(self.directory)

    def store(self, what: str) -> Store:
        return open_store(f"s3://{self.buckets[what]}/{what}")

    def options(self) -> AccessOptions:
        return AccessOptions(
            self.access.source,
            self.access.raw,
            self.access.lake,
            copy_role_arn=COPIER,
            source_grant_role_arn=SOURCE_GRANTER,
            source_account=SOURCE_ACCOUNT,
            raw_account=RAW_ACCOUNT,
        )

    def grant(self) -> None:
        with self.access.acting_as(GRANTER):
            options, raw = self.options(), self.access.raw.open()
            grantor, now = Granter(options.policies(), raw), datetime.now(UTC)
            grantor.grant(options.terms("a test", 30, now), now)

    def revoke(self) -> None:
        with self.access.acting_as(GRANTER):
            grantor = Granter(self.options().policies(), self.access.raw.open())
            grantor.revoke(datetime.now(UTC))


@pytest.fixture(scope="module")
def place(
    s3_server: EmbeddedS3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RolesPlace]:
    """Nothing is granted yet."""
    directory = tmp_path_factory.mktemp("roles")
    with filled_place(s3_server, directory) as access:
        yield RolesPlace(access, directory)


def deliver_and_fetch(place: RolesPlace) -> None:
    """The host puts the program to S3; instances and clusters read it."""
    uri = place.store("package").uri
    with place.access.acting_as(HOST):
        upload_package(place.directory, uri, [Role.SPARK_SCRIPT], X86)
        find_package(uri, [Role.SPARK_SCRIPT], X86)
    for role in (WORKER, STRUCTURER):
        with place.access.acting_as(role):
            assert place.store("package").get(MANIFEST).data


def copy_on_an_instance(place: RolesPlace) -> None:
    """What an instance and its follower do: settle, listen, report, copy, read."""
    now, folder = datetime.now(UTC), FOLDERS[0]
    with place.access.acting_as(HOST):
        settle_cut_off(place.access.raw.open(), now)
        followed = WorkerReports(place.store("fleet"), "runs/run/w001/")
        assert followed.progress() is None
        followed.listen(Listening(now))
    with place.access.acting_as(WORKER):
        reports = WorkerReports(place.store("fleet"), "runs/run/w001/")
        assert reports.listening() is not None
        reports.report(Progress(now, Phase.COPYING))
        assert place.access.copy(WORKER, assumed=COPIER) == []
        reports.finish_folder(FolderReport(folder, True))
        reports.end(End(now, WorkerOutcome.DONE))
    with place.access.acting_as(HOST):
        assert list(followed.results()) == [folder]
        assert followed.ended() is not None


def structure_on_a_cluster(place: RolesPlace) -> None:
    """What a cluster leaves, and its follower reads."""
    assert place.access.structure(run_id="emr") == []
    with place.access.acting_as(STRUCTURER):
        place.store("logs").put(STEP, gzip.compress(b"application_1_1"))
        place.store("logs").put(DRIVER, gzip.compress(b"the driver's end"))
    with place.access.acting_as(HOST):
        assert "the driver's end" in read_log_end(place.store("logs"), "j-1", "s-1")
        results = RunResults(place.access.lake.open(), "emr")
        assert set(results.attempts()) == {folder.name for folder in FOLDERS}
        assert all(results.of(folder, 1) is not None for folder in FOLDERS)


def fly_a_canary(place: RolesPlace) -> None:
    """What a canary asks for: a sample is copied and structured in its own places and removed."""
    name, access = new_canary_id(datetime.now(UTC), "0" * 8), place.access
    raw, lake = (
        parse_s3_location(canary_uri(each.uri, name), "raw") for each in (access.raw, access.lake)
    )
    worker = WorkerReports(place.store("fleet"), f"runs/{name}/w001/")
    with access.acting_as(WORKER):
        copied = list(
            CopyEngine(access.source, raw, CopyOptions(terms=CopyTerms(copy_role_arn=COPIER))).run(
                FOLDERS[:1], name
            )
        )
        worker.end(End(datetime.now(UTC), WorkerOutcome.DONE))
    assert [each.error for each in copied] == [""]
    with access.acting_as(HOST):
        source = access.source.open(principal(COPIER))
        sample = choose_sample(source, FOLDERS[0])
        assert lost_attributes(source, sample, raw.open(principal(COPIER))) == []
        assert find_record_of_run(raw.open(), FOLDERS[0].name, name) is not None
    with access.acting_as(STRUCTURER):
        job = StructureJob(raw.uri, lake.uri, name, (FOLDERS[0].name,), KEEP)
        spark: Any = InProcessSpark()
        assert [each.error for each in structure_folders(spark, job)] == [""]
    with access.acting_as(HOST):
        key = publication_record_key(FOLDERS[0].name)
        assert PublicationRecord.from_json(lake.open().get(key).data).totals.rows
        places = CanaryPlaces(access.raw.open(), access.lake.open(), place.store("fleet"))
        assert places.found() == {name}
        assert places.remove(name)
        assert places.found() == set()


def keep_reports(place: RolesPlace) -> None:
    """What the host leaves of its reconciliations: more in a day than are kept."""
    with place.access.acting_as(HOST):
        reports = KeptReports(place.access.lake.open())
        for minute in range(22):
            at = datetime(2026, 11, 27, 5, minute, tzinfo=UTC)
            found = outcome_of([], Summary.of([]), [], at=at, run_id="run", with_source=True)
            reports.keep(found, "page", at)
        assert len(reports.history()) == 20


def keep_run_logs(place: RolesPlace, directory: Path) -> None:
    """What Dagster does with the output of a run: keep, show, and list it."""
    key = ["run", "compute_logs", "step"]
    with place.access.acting_as(HOST), pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # has the credentials of another role
        writer = S3ComputeLogManager(place.runs, str(directory / "here"), prefix="dagster")
        with writer.open_log_stream(key, ComputeIOType.STDERR) as stream:
            assert stream is not None
            stream.write("copied 1 object")
        reader = S3ComputeLogManager(place.runs, str(directory / "there"), prefix="dagster")
        assert reader.get_log_data(key).stderr == b"copied 1 object"
        listed = reader.get_log_keys_for_log_key_prefix(key[:-1], ComputeIOType.STDERR)
        assert list(listed) == [key]


def test_each_role_may_do_its_part_and_needs_all_that_it_may(
    place: RolesPlace, tmp_path: Path
) -> None:
    source, strict = place.access.source, place.access.strict
    place.access.inside.client.put_bucket_policy(
        Bucket=source.bucket, Policy=f'{{"Version": "2012-10-17", "Statement": [{THEIRS}]}}'
    )

    place.grant()
    place.grant()
    deliver_and_fetch(place)
    copy_on_an_instance(place)
    assert place.access.copy(HOST, run_id="host", assumed=COPIER) == []
    structure_on_a_cluster(place)
    fly_a_canary(place)
    keep_reports(place)
    keep_run_logs(place, tmp_path)
    place.revoke()

    left = place.access.inside.client.get_bucket_policy(Bucket=source.bucket)["Policy"]
    assert THEIRS in left
    assert "CheckoutAssets" not in left
    place.access.inside.client.delete_bucket_policy(Bucket=source.bucket)
    place.grant()
    place.revoke()
    assert strict.refused == []
    needless = [
        *needless_of_roles(strict, (HOST, WORKER, GRANTER, SOURCE_GRANTER), is_about_data),
        *needless_of_roles(strict, (STRUCTURER,), is_about_clusters_files),
        *needless_of_roles(strict, (COPIER, STRUCTURER), is_about_canaries),
    ]
    assert not needless, "\n".join(needless)


def is_about_data(statement: Document) -> bool:
    """What AWS's other services are asked for is compared with the engines' code elsewhere."""
    return all(action.startswith(("s3:", "sts:", "kms:")) for action in statement["Action"])


def is_about_clusters_files(statement: Document) -> bool:
    """What else it may do is needed by the work itself, which is proved elsewhere."""
    return bool(statement["Sid"].endswith(("ReadPackage", "WriteLogs")))


def is_about_canaries(statement: Document) -> bool:
    return bool(statement["Sid"].endswith("Canary"))


@pytest.mark.parametrize("role", [WORKER, HOST])
def test_instances_and_the_host_read_no_order_by_themselves(place: RolesPlace, role: str) -> None:
    place.grant()

    assert "access to it is denied" in str(place.access.copy(role))
    assert place.access.copy(role, assumed=COPIER) == []
    place.revoke()


def test_nobody_else_becomes_the_copy_role_or_grants(place: RolesPlace) -> None:
    place.access.strict.role(STRANGER, worker_role(place.terms)[1:])

    assert "The role cannot be assumed" in str(place.access.copy(STRANGER, assumed=COPIER))
    with place.access.acting_as(HOST), pytest.raises(UsageError, match="sts:AssumeRole"):
        place.options().policies()


def test_without_its_account_s_role_nobody_changes_the_source_s_policy(place: RolesPlace) -> None:
    with place.access.acting_as(GRANTER):
        options = replace(place.options(), source_grant_role_arn="")
        (source, *_) = options.policies().values()
        with pytest.raises((UsageError, MigrationError), match="s3:GetBucketPolicy"):
            source.read()
