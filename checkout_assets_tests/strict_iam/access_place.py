"""A source in one account, raw and lake in another, behind AWS's rules; and the real work on them.

The work's methods return what went wrong, a text each: nothing did if the list is empty.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from checkout_assets.domain.access.bucket_policies import source_statements, target_statements
from checkout_assets.domain.access.role_policies import copy_role, reconcile_role, structure_role
from checkout_assets.domain.access.terms import AccessTerms, Place
from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import select_folders
from checkout_assets.domain.reconciliation import Reason
from checkout_assets.engines.copying.engine import CopyEngine, CopyOptions, CopyTerms
from checkout_assets.engines.locations import S3Location, check_reachable
from checkout_assets.engines.reconciling.places import reconciler_of
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.orders_place import DEEP, FOLDER, OrdersPlace
from checkout_assets_tests.strict_iam.evaluation import Document
from checkout_assets_tests.strict_iam.strict_s3 import VERSION, Key, StrictS3
from spark_jobs.contract.keys import result_key
from spark_jobs.contract.words import KEEP
from spark_jobs.job.run import structure_folders
from spark_jobs.job.staging import StructureJob
from spark_jobs.stores import StoreError, open_store

SOURCE_ACCOUNT, RAW_ACCOUNT = "111111111111", "222222222222"
COPIER = f"arn:aws:iam::{RAW_ACCOUNT}:role/migration/copier"
STRUCTURER = f"arn:aws:iam::{RAW_ACCOUNT}:role/structurer"
RECONCILER = f"arn:aws:iam::{RAW_ACCOUNT}:role/reconciler"
WORKER = f"arn:aws:iam::{RAW_ACCOUNT}:role/worker"
HOST = f"arn:aws:iam::{RAW_ACCOUNT}:role/host"
GRANTER = f"arn:aws:iam::{RAW_ACCOUNT}:role/granter"
SOURCE_GRANTER = f"arn:aws:iam::{SOURCE_ACCOUNT}:role/source-granter"
STRANGER = f"arn:aws:iam::{RAW_ACCOUNT}:role/stranger"
SOURCE_KEY = f"arn:aws:kms:us-east-1:{SOURCE_ACCOUNT}:key/1111"
RAW_KEY = f"arn:aws:kms:us-east-2:{RAW_ACCOUNT}:key/2222"
LAKE_KEY = f"arn:aws:kms:us-east-2:{RAW_ACCOUNT}:key/3333"
FLEET_KEY = f"arn:aws:kms:us-east-2:{RAW_ACCOUNT}:key/4444"
EXPIRES_AFTER = timedelta(days=30)
LARGE = 64
ORDER = json.dumps({"Id": "v1-01", "LastChange": "2018-10-31T14:00:00Z", "Items": "[]"}).encode()
BROKEN = b"no order"
FOLDERS = select_folders([FOLDER, "F0_FulfillmentOrder"])
FOLDER_NAMES = tuple(folder.name for folder in FOLDERS)
PLAIN, TAGGED, LARGER, WRONG = (f"/{name}/id/1" for name in ("plain", "tagged", "larger", "wrong"))


def terms_of(source: Place, raw: Place, lake: Place) -> AccessTerms:
    return AccessTerms(
        source=source,
        raw=raw,
        lake=lake,
        copy_role=COPIER,
        reconcile_role=RECONCILER,
        expires=datetime.now(UTC) + EXPIRES_AFTER,
        requester="a test",
        source_key=SOURCE_KEY,
        raw_key=RAW_KEY,
        lake_key=LAKE_KEY,
        worker_role=WORKER,
        structure_role=STRUCTURER,
        emr_service_role=f"arn:aws:iam::{RAW_ACCOUNT}:role/emr",
        grant_role=SOURCE_GRANTER,
    )


ANY_TERMS = terms_of(Place("source", "root/"), Place("raw", "copies/"), Place("lake", "tables/"))
"""Terms that name the same statements as those of every AccessPlace."""


class InProcessSpark:
    """The parts of Spark that structuring small folders needs, for tests of the requests."""

    defaultParallelism = 2  # noqa: N815

    @property
    def sparkContext(self) -> "InProcessSpark":  # noqa: N802
        return self

    def setJobGroup(self, *_: object, **__: object) -> None:  # noqa: N802
        """Nothing is cancelled here."""

    def cancelJobGroup(self, _: str) -> None:  # noqa: N802
        """Nothing runs beside."""

    def parallelize(self, items: Iterable[Any], _: int) -> "Parallel":
        return Parallel(items)


class Parallel:
    def __init__(self, items: Iterable[Any]) -> None:
        self._items = list(items)

    def map(self, work: Callable[[Any], Any]) -> "Parallel":
        return Parallel(map(work, self._items))

    def flatMap(self, work: Callable[[Any], Iterable[Any]]) -> "Parallel":  # noqa: N802
        return Parallel(result for item in self._items for result in work(item))

    def collect(self) -> list[Any]:
        return self._items


class AccessPlace:
    """Buckets of two accounts without any policy, and all roles with theirs."""

    def __init__(self, upstream: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inside = OrdersPlace(directory)
        self.strict = StrictS3(upstream)
        self._monkeypatch = monkeypatch
        self._sessions: dict[str, dict[str, str]] = {}
        self._clients: dict[str, Any] = {}
        self.source, self.raw = self.inside.source, self.inside.raw
        self.lake = S3Location(self.raw.bucket.replace("raw", "lake"), "tables/")
        self.inside.client.create_bucket(
            Bucket=self.lake.bucket,
            CreateBucketConfiguration={"LocationConstraint": "us-east-2"},
        )
        self.strict.accounts = {
            self.source.bucket: SOURCE_ACCOUNT,
            self.raw.bucket: RAW_ACCOUNT,
            self.lake.bucket: RAW_ACCOUNT,
        }
        self.strict.keys = {
            self.source.bucket: Key(SOURCE_KEY, key_policy(COPIER)),
            self.raw.bucket: Key(RAW_KEY, key_policy(f"arn:aws:iam::{RAW_ACCOUNT}:root")),
            self.lake.bucket: Key(LAKE_KEY, key_policy(f"arn:aws:iam::{RAW_ACCOUNT}:root")),
        }
        self.terms = terms_of(*(_place(each) for each in (self.source, self.raw, self.lake)))
        self.strict.role(COPIER, copy_role(self.terms), trusts=[WORKER, HOST])
        self.strict.role(STRUCTURER, structure_role(self.terms))
        self.strict.role(RECONCILER, reconcile_role(self.terms))
        self.strict.role(STRANGER, copy_role(self.terms))

    def grant(self, without: Callable[[Document], bool] = lambda _: False) -> None:
        """Put our statements into the buckets' policies, but for some."""
        self.set_policy(self.source, [s for s in source_statements(self.terms) if not without(s)])
        by_bucket = target_statements(self.terms)
        for place in (self.raw, self.lake):
            self.set_policy(place, by_bucket[place.bucket])

    def revoke(self) -> None:
        for place in (self.source, self.raw, self.lake):
            self.set_policy(place, [])

    def set_policy(self, place: S3Location, statements: Sequence[Document]) -> None:
        if not statements:
            self.inside.client.delete_bucket_policy(Bucket=place.bucket)
            return
        policy = json.dumps({"Version": VERSION, "Statement": statements})
        self.inside.client.put_bucket_policy(Bucket=place.bucket, Policy=policy)

    @contextmanager
    def acting_as(self, role: str) -> Iterator[None]:
        """Send all S3 requests in the body with that role."""
        if role not in self._sessions:
            self._sessions[role] = self.strict.session(role)
        with self._monkeypatch.context() as patch:
            for name, value in self._sessions[role].items():
                patch.setenv(name, value)
            yield

    def client(self, role: str) -> Any:
        """A client of that role; one for all that ask, since making it takes its time."""
        if role not in self._clients:
            with self.acting_as(role):
                self._clients[role] = boto3.Session().client("s3")
        return self._clients[role]

    def fill(self) -> None:
        """In each folder a plain object, a tagged one, one that goes in parts, and no order."""
        for folder in FOLDERS:
            for name in (PLAIN, TAGGED):
                self.inside.put(f"{folder}{name}", ORDER)
            self.inside.client.put_object_tagging(
                Bucket=self.source.bucket,
                Key=f"{self.source.prefix}{folder}{TAGGED}",
                Tagging={"TagSet": [{"Key": "a", "Value": "b"}]},
            )
            self.inside.put(f"{folder}{LARGER}", ORDER + b" " * LARGE)
            self.inside.put(f"{folder}{WRONG}", BROKEN)

    def copy(self, role: str = COPIER, run_id: str = "run", assumed: str = "") -> list[str]:
        terms = CopyTerms(SOURCE_ACCOUNT, RAW_ACCOUNT, copy_role_arn=assumed)
        options = CopyOptions(
            as_of=CutOff.NOW, in_flight=8, largest_copy=len(ORDER) + 1, terms=terms
        )
        with self.acting_as(role):
            if problem := _unreachable({"source": self.source, "raw": self.raw}, assumed):
                return [problem]
            engine = CopyEngine(self.source, self.raw, options)
            copied = list(engine.run(FOLDERS, run_id))
        problems = [each.error for each in copied if each.error]
        return problems + [note for each in copied for note in each.notes]

    def structure(
        self,
        role: str = STRUCTURER,
        run_id: str = "run",
        names: tuple[str, ...] = FOLDER_NAMES,
    ) -> list[str]:
        job = StructureJob(self.raw.uri, self.lake.uri, run_id, names, KEEP)
        spark: Any = InProcessSpark()
        with self.acting_as(role):
            results = list(structure_folders(spark, job))
            problems = [each.error for each in results if each.error]
            for each in results:
                with _told(problems):
                    open_store(self.lake.uri).put(result_key(each.folder, run_id), each.to_json())
        return problems

    def reconcile(self, role: str = RECONCILER, with_source: bool = True) -> list[str]:
        source = self.source if with_source else None
        with self.acting_as(role):
            try:
                engine = reconciler_of(source, self.raw, self.lake, self.now, DEEP)
                compared = list(engine.run(FOLDERS, "run"))
                problems = engine.unexpected()
            except (UsageError, MigrationError, StoreError) as error:
                return [str(error)]
        problems += [each.error for each in compared if each.error]
        return problems + [
            str(c) for each in compared for c in each.causes if c.reason is not Reason.FLAGGED
        ]

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self.strict.ahead


@contextmanager
def _told(problems: list[str]) -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        problems.append(error.code)


def _unreachable(places: Mapping[str, S3Location], assumed: str) -> str:
    try:
        check_reachable(places, role_arn=assumed)
    except UsageError as error:
        return str(error)
    return ""


def _place(location: S3Location) -> Place:
    return Place(location.bucket, location.prefix)


def key_policy(principal: str) -> Document:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "kms:*",
        "Resource": "*",
    }
    return {"Version": VERSION, "Statement": [statement]}


@contextmanager
def filled_place(server: EmbeddedS3Server, directory: Path) -> Iterator[AccessPlace]:
    """Two accounts with a filled source; nothing is granted yet."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        place = AccessPlace(server.endpoint_url, directory, patch)
        place.fill()
        with place.strict.serving():
            yield place
