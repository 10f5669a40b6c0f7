"""``doctor --canary`` on the local EC2 and EMR: the whole chain, and each broken link by name."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.cli.main import run
from checkout_assets.domain import canary as canaries
from checkout_assets.engines.structuring.session import use_java
from checkout_assets.resources import canary as resource
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.canary_place import (
    FOLDER,
    LINKS,
    MULTIPART,
    ORDER,
    TAGGED,
    CanaryPlace,
    QuickLimitedClock,
    in_state,
)
from checkout_assets_tests.fault_proxy import Answer, Request, Rule
from checkout_assets_tests.local_emr import commands
from checkout_assets_tests.local_emr.local_emr import ClusterFault
from checkout_assets_tests.orders_place import OrdersPlace
from spark_jobs.contract.publication import PublicationRecord, PublishedFile
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.stores import open_store

pytestmark = pytest.mark.slow

OK, FAILED, UNKNOWN = "ok", "failed", "unknown"
DENIED = Answer(403, "AccessDenied")
ALWAYS = 99
Sabotage = Callable[[CanaryPlace], object]


@pytest.fixture
def canary(
    aws: EmbeddedS3Server,
    place: OrdersPlace,
    package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[CanaryPlace]:
    """A healthy place; steps are scripts that leave what the job would."""
    with CanaryPlace(place, monkeypatch) as found:
        found.fill()
        found.start_fleets(aws, package, tmp_path)
        yield found


def test_a_canary_tells_every_link_and_leaves_nothing(
    canary: CanaryPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document = canary.fly(capsys, "--yes")
    assert in_state(document, FAILED) == {}
    assert [each["check"] for each in document["checks"]] == LINKS
    assert (code, document["complete"]) == (0, True)
    assert in_state(document, OK)["identity"].startswith("arn:aws:")
    assert "ordinary, tagged, multipart" in in_state(document, OK)["objects copied"]
    assert canary.left() == []
    assert canary.living() == []
    (instance,), (launched,) = canary.ec2.instances, canary.emr.api.launched()
    assert instance.type == "m5.large"
    groups = launched["Instances"]["InstanceGroups"]
    assert [(each["InstanceType"], each["InstanceCount"]) for each in groups] == [
        ("m5.xlarge", 1),
        ("m5.xlarge", 2),
    ]


def test_what_the_folder_lacks_is_told(
    canary: CanaryPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    for key in (TAGGED, MULTIPART):
        canary.orders.delete(key)
    code, document = canary.fly(capsys, "--yes")
    assert (code, in_state(document, FAILED)) == (0, {})
    told = in_state(document, OK)["source readable"]
    assert told == "ordinary; no tagged or multipart object is among the first 2"


def denies(*words: str, copies: bool = False, methods: Sequence[str] = ()) -> Rule:
    """Deny requests whose path has all these words; only copies, or only these methods."""

    def rule(request: Request) -> Answer | None:
        concerned = all(word in request.path for word in words)
        right = request.is_copy if copies else not methods or request.method in methods
        return DENIED if concerned and right else None

    return rule


def proxied(rule: Rule) -> Sabotage:
    return lambda canary: setattr(canary.proxy, "rule", rule)


def another_account(canary: CanaryPlace) -> None:
    canary.configure(COPY_ROLE_ARN="arn:aws:iam::999999999999:role/copy")


def empty_folder(canary: CanaryPlace) -> None:
    for key in canary.orders.keys(FOLDER, canary.orders.source):
        canary.orders.delete(key)


def launch_denied(canary: CanaryPlace) -> None:
    canary.ec2.api.answers = {"RunInstances": ["UnauthorizedOperation"] * ALWAYS}


def no_package(canary: CanaryPlace) -> None:
    canary.configure(EC2_PACKAGE_DIRECTORY="")


def instance_that_never_starts(canary: CanaryPlace) -> None:
    canary.ec2.frozen = True


def instance_that_stays(canary: CanaryPlace) -> None:
    canary.ec2.frozen = True
    canary.ec2.api.answers = {"TerminateInstances": ["UnauthorizedOperation"] * ALWAYS}


def cluster_that_fails(canary: CanaryPlace) -> None:
    canary.emr.cluster_faults = [ClusterFault("BOOTSTRAP_FAILURE", "On the master instance")]


def cluster_that_hangs(canary: CanaryPlace) -> None:
    canary.emr.frozen = True


def step_that_fails(canary: CanaryPlace) -> None:
    canary.emr.step_faults = {FOLDER: ["access denied to the lake"] * ALWAYS}


def cluster_that_stays(canary: CanaryPlace) -> None:
    canary.emr.api.answers = {"TerminateJobFlows": ["AccessDeniedException"] * ALWAYS}


def step_without_rows(canary: CanaryPlace) -> None:
    totals = StructureTotals(documents=2, quarantined={"not_json": 2})
    canary.patch.setattr(commands, "StructureTotals", lambda **_: totals)


def file_that_is_missing(canary: CanaryPlace) -> None:
    table = "consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31"
    file = PublishedFile(f"{table}/{FOLDER}.run.0.parquet", 1, 2)

    def with_file(*fields: Any) -> PublicationRecord:
        return replace(PublicationRecord(*fields), files=[file])

    canary.patch.setattr(commands, "PublicationRecord", with_file)


READS_NO_TAGS = denies("?tagging", methods=["GET"])
COPIES_NO_TAGS = denies(TAGGED, copies=True)
NO_TAGS = Answer(200, content="<Tagging><TagSet></TagSet></Tagging>")


def raw_without_tags(canary: CanaryPlace) -> None:
    canary.proxy.rule = lambda request: (
        NO_TAGS if "?tagging" in request.path and "/_canary/" in request.path else None
    )


def object_that_comes_later(canary: CanaryPlace) -> None:
    """The instance finds a third kind of object, which was not there when the sample was chosen."""
    canary.orders.delete(MULTIPART)

    def rule(request: Request) -> None:
        if request.method == "PUT" and request.path.endswith("/folders.json"):
            canary.orders.put_in_parts(MULTIPART, ORDER)

    canary.proxy.rule = rule


REMOVES_NOTHING = denies("?delete", methods=["POST"])


@pytest.mark.parametrize(
    ("sabotage", "link", "reason"),
    [
        (another_account, "identity", "999999999999"),
        (empty_folder, "source readable", "No ordinary document"),
        (proxied(READS_NO_TAGS), "source readable", "AccessDenied"),
        (launch_denied, "instance launched", "UnauthorizedOperation"),
        (no_package, "instance launched", "package"),
        (instance_that_never_starts, "worker started", "did not answer any more"),
        (proxied(denies(copies=True)), "objects copied", "Not in raw: the ordinary and the"),
        (proxied(COPIES_NO_TAGS), "objects copied", "Not in raw: the tagged object"),
        (raw_without_tags, "objects copied", "differ from the source in the tags of the tagged"),
        (proxied(denies("/results/", methods=["PUT"])), "reports received", "report is missing"),
        (object_that_comes_later, "completion record", "It proves 3 objects instead of 2"),
        (instance_that_stays, "instance ended", "is still running"),
        (cluster_that_fails, "cluster started", "BOOTSTRAP_FAILURE"),
        (cluster_that_hangs, "cluster started", "given up after 35 minutes"),
        (step_that_fails, "step completed", "access denied to the lake"),
        (step_without_rows, "step completed", "2 of 2 documents are in quarantine"),
        (file_that_is_missing, "rows published", "1 file differs from the record"),
        (cluster_that_stays, "cluster ended", "is still running"),
        (proxied(REMOVES_NOTHING), "everything removed", "AccessDenied"),
    ],
)
def test_a_broken_link_is_named(
    canary: CanaryPlace,
    capsys: pytest.CaptureFixture[str],
    sabotage: Sabotage,
    link: str,
    reason: str,
) -> None:
    sabotage(canary)
    code, document = canary.fly(capsys, "--yes")
    failed = in_state(document, FAILED)
    assert reason in failed.get(link, "")
    assert sorted(each["check"] for each in document["checks"]) == sorted(LINKS)
    assert code == 1
    if sabotage is instance_that_stays:
        assert canary.emr.clusters == [], "nothing is launched beside a machine that stays"
    if link != "everything removed":
        assert canary.left() == []
    if sabotage not in {instance_that_stays, cluster_that_stays}:
        assert canary.living() == []
        assert list(failed) == [link]


@pytest.fixture
def with_spark(
    aws: EmbeddedS3Server,
    place: OrdersPlace,
    package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[CanaryPlace]:
    """A healthy place whose steps are submitted to real Spark."""
    java = {"JAVA_HOME": str(use_java()), "SPARK_LOCAL_IP": "127.0.0.1"}
    with CanaryPlace(place, monkeypatch) as found:
        found.fill()
        found.start_fleets(aws, package, tmp_path, commands.local_spark_submit, **java)
        found.configure(EMR_POLL_SECONDS="1")  # time for Spark, as the quick clock counts it
        yield found


def test_spark_structures_the_sample(
    with_spark: CanaryPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document = with_spark.fly(capsys, "--yes")
    assert (code, in_state(document, FAILED)) == (0, {})
    assert in_state(document, OK)["rows published"].startswith("3 rows in the canary's table")
    assert with_spark.left() == []


def test_a_lake_that_cannot_be_written_is_named(
    with_spark: CanaryPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    with_spark.proxy.rule = denies("/lake/_canary/", methods=["PUT"])
    code, document = with_spark.fly(capsys, "--yes")
    assert code == 1
    failed = in_state(document, FAILED)
    assert list(failed) == ["step completed"]
    assert "given up" not in failed["step completed"]
    assert with_spark.left() == []
    assert with_spark.living() == []


def test_an_interrupted_canary_ends_its_machines_and_removes_everything(
    canary: CanaryPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    class InterruptedClock(QuickLimitedClock):
        def sleep(self, seconds: float) -> None:
            if canary.emr.clusters:
                raise KeyboardInterrupt
            super().sleep(seconds)

    canary.patch.setattr(resource, "LimitedClock", InterruptedClock)
    assert run(["doctor", "--canary", FOLDER, "--yes"]) == 130
    assert "everything removed" in capsys.readouterr().out
    assert canary.left() == []
    assert canary.living() == []


def test_what_a_canary_left_is_removed_by_the_next_one(
    canary: CanaryPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    canary.proxy.rule = REMOVES_NOTHING
    code, _ = canary.fly(capsys, "--yes")
    assert code == 1
    assert canary.left() != []
    canary.proxy.rule = lambda _: None
    canary.patch.setattr(canaries, "LONGEST", timedelta())
    code, document = canary.fly(capsys, "--yes")
    assert code == 0
    assert "of earlier canaries" in in_state(document, OK)["everything removed"]
    assert canary.left() == []


def test_nothing_of_the_migration_is_touched(
    canary: CanaryPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {
        canary.orders.raw.uri: [f"{FOLDER}/A/id/1", "_manifests/as_of.json", "_canary/mine"],
        canary.lake_uri: ["consumable_tables/checkout/a.parquet", "_published/a.json"],
        f"{canary.bucket}/fleet": ["runs/canary-of-somebody/w001/end.json", "runs/run/a"],
    }
    for uri, keys in kept.items():
        for key in keys:
            open_store(uri).put(key, b"{}")
    before = canary.left()
    canary.patch.setattr(canaries, "LONGEST", timedelta(days=-1))
    code, _ = canary.fly(capsys, "--yes")
    assert code == 0
    assert canary.left() == before


def test_nothing_begins_without_consent(
    canary: CanaryPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor", "--canary", FOLDER]) == 1
    told = capsys.readouterr().err
    assert "costs at most 0.64 dollars by the prices of" in told
    assert "Use --yes" in told
    assert canary.proxy.seen == []
    assert not canary.ec2.api.calls
    assert not canary.emr.api.calls
