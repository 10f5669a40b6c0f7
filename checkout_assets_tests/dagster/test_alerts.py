"""The sensor for alerts: each event is one message, to each target, whatever fails meanwhile."""

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
from moto import mock_aws

from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.reconciliation_checks import COMPLETE
from checkout_assets.assets.reconciliation_page import RECONCILIATION
from checkout_assets.assets.runbook import Runbook
from checkout_assets.automation.alert_facts import WATCHED
from checkout_assets.automation.alerts import Alerts, build_alerts
from checkout_assets.automation.outlived_machines import INSTANCES, keep_machine
from checkout_assets.domain.alerts.found import Fate
from checkout_assets.domain.alerts.message import AlertLinks, AlertMessage
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.engines.alerts.options import AlertOptions
from checkout_assets.engines.alerts.sending import NotSentError
from checkout_assets.engines.alerts.sns import SnsTopic
from checkout_assets_tests.dagster.conftest import RUNBOOK, Dagster
from checkout_assets_tests.dagster.engines import OddCopyEngine
from checkout_assets_tests.dagster.orphans import some_job, started
from checkout_assets_tests.dagster_files import DagsterFiles

NESTED = "no_documents_nested_under_id"
LOG = logging.getLogger("test")
MINUTE = 60.0
HOUR = 3600.0
START = 1_800_000_000.0
"""Later than every event that a test stores."""


class Inbox:
    """A target that keeps what it gets, or fails as told."""

    def __init__(self, name: str = "inbox") -> None:
        self.name = self.key = name
        self.got: list[AlertMessage] = []
        self.attempts = 0
        self.problem: Exception | None = None

    def send(self, message: AlertMessage) -> None:
        self.attempts += 1
        if self.problem:
            raise self.problem
        self.got.append(message)

    @property
    def text(self) -> str:
        return "\n".join(f"{each.subject}\n{each.body}" for each in self.got)


class Looks:
    """A sensor that looks once per minute; its cursor outlives it."""

    def __init__(self, instance: dg.DagsterInstance, *targets: Any, **options: Any) -> None:
        self.instance = instance
        self.now = START
        self.cursor: str | None = None
        self.sender = Alerts(
            targets, AlertOptions(**options), AlertLinks("http://ui", "http://book")
        )

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.cursor, _ = self.sender.look(self.instance, self.cursor, self.now, LOG)
            self.now += MINUTE


def report(  # noqa: PLR0913 - what a result says
    instance: dg.DagsterInstance,
    folder: str | None,
    passed: bool = False,
    *,
    check: str = NESTED,
    asset: dg.AssetKey = RAW_ORDERS,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    count: int = 1,
    description: str = "",
) -> None:
    """Store a result as a run of its own does."""
    evaluation = dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=check,
        passed=passed,
        severity=severity,
        partition=folder,
        metadata={"nested": count},
        description=description,
    )
    event = dg.DagsterEvent(
        dg.DagsterEventType.ASSET_CHECK_EVALUATION.value, "job", event_specific_data=evaluation
    )
    instance.report_dagster_event(event, run_id=str(uuid.uuid4()))


def reconciled(instance: dg.DagsterInstance) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(RECONCILIATION))


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance that writes no file and retries nothing."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def looks(instance: dg.DagsterInstance, inbox: Inbox) -> Looks:
    """Looks at an instance without late reconciliations, after one look at nothing."""
    made = Looks(instance, inbox, minutes_apart=0, late_hours=8760)
    made.look()
    assert inbox.got == []
    return made


def test_a_failed_check_is_one_message_whatever_follows(looks: Looks, inbox: Inbox) -> None:
    report(looks.instance, FOLDER_NAMES[0])
    looks.look(5)
    report(looks.instance, FOLDER_NAMES[0])
    looks.look(5)
    (message,) = inbox.got
    assert NESTED in message.subject
    assert f"{NESTED} of raw_orders failed in 1 folder: {FOLDER_NAMES[0]}." in message.body
    assert f"What to do: http://book#{NESTED}" in message.body
    assert message.id in message.body


@pytest.mark.parametrize(
    ("worse", "sent"),
    [
        ({"count": 9}, 0),
        ({"count": 10}, 1),
        ({"severity": dg.AssetCheckSeverity.ERROR}, 1),
    ],
)
def test_a_check_that_gets_worse_is_another_message(
    looks: Looks, inbox: Inbox, worse: dict[str, Any], sent: int
) -> None:
    report(looks.instance, FOLDER_NAMES[0], count=3)
    looks.look()
    report(looks.instance, FOLDER_NAMES[0], **worse)
    looks.look(5)
    assert ["got worse" in each.body for each in inbox.got[1:]] == [True] * sent
    report(looks.instance, FOLDER_NAMES[0], count=3)
    looks.look()
    report(looks.instance, FOLDER_NAMES[0], **worse)
    looks.look(5)
    assert len(inbox.got) == 1 + sent


def test_a_check_that_passes_again_is_told_once_and_may_fail_anew(
    looks: Looks, inbox: Inbox
) -> None:
    for _ in range(2):
        report(looks.instance, FOLDER_NAMES[0])
        looks.look(5)
        report(looks.instance, FOLDER_NAMES[0], passed=True)
        looks.look(5)
    told = ["passes again" if "passes again" in each.body else "failed" for each in inbox.got]
    assert told == ["failed", "passes again", "failed", "passes again"]
    assert len({each.id for each in inbox.got}) == 4


def test_whoever_wants_no_good_news_gets_none(instance: dg.DagsterInstance, inbox: Inbox) -> None:
    looks = Looks(instance, inbox, minutes_apart=0, late_hours=8760, recovered=False)
    for passed in (False, True, False):
        report(looks.instance, FOLDER_NAMES[0], passed=passed)
        looks.look(3)
    assert len(inbox.got) == 2
    assert "passes again" not in inbox.text


def test_all_folders_at_once_are_one_message_that_names_them(looks: Looks, inbox: Inbox) -> None:
    for folder in FOLDER_NAMES:
        report(looks.instance, folder)
    looks.look(3)
    (message,) = inbox.got
    assert f"in 512 folders: {FOLDER_NAMES[0]}..{FOLDER_NAMES[-1]}." in message.body
    assert len(message.subject) < 100
    assert message.subject.isascii()


def test_events_between_two_messages_wait_and_come_together(
    instance: dg.DagsterInstance, inbox: Inbox
) -> None:
    looks = Looks(instance, inbox, minutes_apart=30, late_hours=8760)
    looks.look()
    for folder in FOLDER_NAMES[:5]:
        report(looks.instance, folder)
        looks.look()
    assert len(inbox.got) == 1
    looks.now += 30 * MINUTE
    looks.look()
    assert len(inbox.got) == 2
    assert f"in 4 folders: {FOLDER_NAMES[1]}..{FOLDER_NAMES[4]}." in inbox.got[1].body


def test_checks_of_all_folders_are_alerted_of_too(looks: Looks, inbox: Inbox) -> None:
    error = dg.AssetCheckSeverity.ERROR
    report(looks.instance, None, check=COMPLETE, asset=RECONCILIATION, severity=error)
    looks.look(5)
    (message,) = inbox.got
    assert f"{COMPLETE} of reconciliation failed.\n" in message.body


def test_a_restart_with_the_same_cursor_sends_nothing_twice(
    tmp_path: Path, dagster_files: DagsterFiles
) -> None:
    sent = []
    cursor = None
    for restart in range(3):
        with dagster_files.instance(tmp_path) as instance:
            inbox = Inbox()
            looks = Looks(instance, inbox, minutes_apart=0, late_hours=8760)
            looks.cursor, looks.now = cursor, START + restart * HOUR
            if restart == 1:
                report(instance, FOLDER_NAMES[0])
            looks.look(5)
            cursor = looks.cursor
            sent.append(len(inbox.got))
    assert sent == [0, 1, 0]


def test_a_lost_cursor_sends_the_same_message_with_the_same_id(looks: Looks, inbox: Inbox) -> None:
    report(looks.instance, FOLDER_NAMES[0])
    before = looks.cursor
    looks.look()
    looks.cursor = before
    looks.look()
    one, other = inbox.got
    assert one == other


def test_a_cursor_that_cannot_be_read_sends_what_is_red_once_more(
    looks: Looks, inbox: Inbox
) -> None:
    report(looks.instance, FOLDER_NAMES[0])
    looks.look()
    looks.cursor = "{}"
    looks.look(5)
    assert len(inbox.got) == 2


def test_a_target_that_fails_is_tried_ever_more_rarely_and_keeps_nobody_waiting(
    instance: dg.DagsterInstance, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Inbox("broken")
    broken.problem = NotSentError("the service did not accept the message")
    looks = Looks(instance, broken, inbox, minutes_apart=0, late_hours=8760)
    looks.look()
    report(looks.instance, FOLDER_NAMES[0])
    looks.look()
    assert (len(inbox.got), broken.attempts) == (1, 1)
    report(looks.instance, FOLDER_NAMES[1])
    looks.look(40)
    assert len(inbox.got) == 2
    assert 4 <= broken.attempts <= 8
    assert "No message was sent to broken: the service did not accept the message." in caplog.text
    broken.problem = None
    looks.now += HOUR
    looks.look()
    (message,) = broken.got
    assert f"in 2 folders: {FOLDER_NAMES[0]}..{FOLDER_NAMES[1]}." in message.body


def test_whatever_a_target_raises_the_others_get_their_message(
    instance: dg.DagsterInstance, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Inbox("broken")
    broken.problem = RuntimeError("SECRET")
    looks = Looks(instance, broken, inbox, minutes_apart=0, late_hours=8760)
    report(looks.instance, FOLDER_NAMES[0])
    looks.look()
    assert len(inbox.got) == 1
    assert "SECRET" not in caplog.text
    assert "RuntimeError" in caplog.text


def test_a_new_target_hears_what_is_red_and_nothing_of_earlier_runs(
    looks: Looks, inbox: Inbox
) -> None:
    looks.instance.report_run_failed(started(looks.instance))
    keep_machine(looks.instance, INSTANCES, "i-1", "run", Fate.ENDED)
    report(looks.instance, FOLDER_NAMES[0])
    looks.look()
    later = Inbox("later")
    more = Looks(looks.instance, inbox, later, minutes_apart=0, late_hours=8760)
    more.cursor, more.now = looks.cursor, looks.now
    more.look(5)
    (message,) = later.got
    assert NESTED in message.body
    assert "A run of" not in message.body
    assert "i-1" not in message.body
    assert len(inbox.got) == 1


def test_failed_runs_are_one_message_each_time(looks: Looks, inbox: Inbox) -> None:
    first, second = started(looks.instance), started(looks.instance)
    looks.instance.report_run_failed(first)
    looks.look(5)
    looks.instance.report_run_failed(second)
    looks.look(5)
    assert [first.run_id in each.body for each in inbox.got] == [True, False]
    assert [second.run_id in each.body for each in inbox.got] == [False, True]
    assert f"A run of {some_job.name} failed." in inbox.text
    assert f"Run: http://ui/runs/{first.run_id}" in inbox.text
    assert "http://book#a-folder-failed" in inbox.text


@pytest.mark.parametrize(("most_tries", "sent"), [(2, 0), (0, 1)])
def test_a_run_that_dagster_retries_is_not_told(inbox: Inbox, most_tries: int, sent: int) -> None:
    retries = {"run_retries": {"enabled": True, "max_retries": most_tries}}
    with dg.DagsterInstance.ephemeral(settings=retries) as instance:
        looks = Looks(instance, inbox, minutes_apart=0, late_hours=8760)
        looks.look()
        instance.report_run_failed(started(instance))
        looks.look(3)
    assert len(inbox.got) == sent


def test_a_run_that_failed_names_its_folders(looks: Looks, inbox: Inbox) -> None:
    folders = list(FOLDER_NAMES[:4])
    dagster = Dagster(looks.instance)
    dagster.run("raw_orders", {"copy_engine": OddCopyEngine.of(failing=folders[1:3])}, folders)
    looks.look(5)
    runs = [each for each in inbox.text.split("\n\n") if each.startswith("A run of")]
    assert [each.splitlines()[0] for each in runs] == [
        f"A run of __ephemeral_asset_job__ failed in 2 folders: {folders[1]}..{folders[2]}."
    ]


def test_machines_without_a_run_are_told_once_per_fate(looks: Looks, inbox: Inbox) -> None:
    keep_machine(looks.instance, INSTANCES, "i-1", "run-1", Fate.ENDED)
    looks.look(5)
    keep_machine(looks.instance, INSTANCES, "i-1", "run-1", Fate.ENDED)
    looks.look(5)
    keep_machine(looks.instance, INSTANCES, "i-1", "run-1", Fate.STAYS)
    looks.look(5)
    assert ["i-1 has outlived its run." in each.body for each in inbox.got] == [True, True]
    assert "it could not be terminated" in inbox.got[1].body


def test_a_late_reconciliation_is_told_once_and_the_next_one_too(
    instance: dg.DagsterInstance, inbox: Inbox
) -> None:
    looks = Looks(instance, inbox, minutes_apart=0)
    for hours in range(40):
        looks.now = START + hours * HOUR
        looks.look()
        assert len(inbox.got) == (hours >= 25)
    (message,) = inbox.got
    assert "No reconciliation has ended for 25 hours." in message.body
    assert "http://book#late-reconciliation" in message.body


def test_a_reconciliation_in_time_is_no_message(instance: dg.DagsterInstance, inbox: Inbox) -> None:
    looks = Looks(instance, inbox, minutes_apart=0)
    looks.now = time.time() - 30 * HOUR
    looks.look()
    looks.now += 26 * HOUR
    looks.look()
    assert len(inbox.got) == 1
    reconciled(looks.instance)
    looks.now = time.time()
    looks.look(5)
    assert "Reconciliations complete again." in inbox.got[1].body
    assert len(inbox.got) == 2


def test_no_name_content_or_credential_gets_into_a_message(
    looks: Looks, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for folder in FOLDER_NAMES[:3]:
        report(looks.instance, folder, description="MARKER: id/x of a customer")
    report(looks.instance, "MARKER-folder")
    report(looks.instance, None, check="MARKER", asset=dg.AssetKey(["MARKER"]))
    keep_machine(looks.instance, INSTANCES, "i-\x1bMARKER \n", "<!channel> MARKER", Fate.ENDED)
    run = started(looks.instance)
    looks.instance.report_run_failed(run, "MARKER")
    looks.look(5)
    assert inbox.got
    assert "MARKER" not in inbox.text + caplog.text
    assert inbox.text.replace("\n", "").isprintable()


def test_the_sensor_is_there_and_off_until_somebody_gets_alerts() -> None:
    off = build_alerts([], AlertOptions(), Runbook())
    assert off.default_status is dg.DefaultSensorStatus.STOPPED
    on = build_alerts([Inbox()], AlertOptions(), Runbook())
    assert on.default_status is dg.DefaultSensorStatus.RUNNING
    with dg.build_sensor_context() as context:
        assert "CHECKOUT_ALERTS" in str(off(context))


@pytest.fixture
def topic_and_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[str, Callable[[], list[Any]]]]:
    """An SNS topic, and what an SQS queue that subscribes to it has got."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        sns = boto3.client("sns", region_name="us-east-2")
        sqs = boto3.client("sqs", region_name="us-east-2")
        arn = sns.create_topic(Name="orders")["TopicArn"]
        queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
        at = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=at["QueueArn"])

        def received() -> list[Any]:
            found: list[Any] = []
            while told := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get(
                "Messages"
            ):
                found += [json.loads(each["Body"]) for each in told]
                for each in told:
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
            return found

        yield arn, received


def test_a_topic_gets_one_message_over_a_hundred_looks_of_the_sensor_and_a_restart(
    topic_and_queue: tuple[str, Callable[[], list[Any]]],
    tmp_path: Path,
    dagster_files: DagsterFiles,
) -> None:
    arn, received = topic_and_queue
    options = AlertOptions(topics=[arn], minutes_apart=0)
    cursor: str | None = None
    got: list[Any] = []
    minutes = count(START, MINUTE)
    for part in range(2):
        with dagster_files.instance(tmp_path) as instance:
            sensor = build_alerts([SnsTopic(arn)], options, RUNBOOK, lambda: next(minutes))
            if part == 0:
                report(instance, FOLDER_NAMES[0])
            for _ in range(50):
                with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
                    sensor(context)
                    cursor = context.cursor
            got += received()
    (message,) = got
    assert message["Subject"].startswith("checkout-assets: ")
    assert FOLDER_NAMES[0] in message["Message"]
    assert message["MessageAttributes"]["id"]["Value"] in message["Message"]


def test_a_topic_that_is_not_there_is_a_reason(
    topic_and_queue: tuple[str, Callable[[], list[Any]]],
) -> None:
    arn, _ = topic_and_queue
    with pytest.raises(NotSentError) as refused:
        SnsTopic(f"{arn}-of-nobody").send(AlertMessage("id", "subject", "body"))
    assert refused.value.reason == "the topic does not exist"


def test_every_check_is_watched() -> None:
    assert len({each.name for each in WATCHED}) == len(WATCHED) >= 15
