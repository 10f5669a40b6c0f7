"""``checkout-assets alerts test``: who gets a message, and what is said of it."""

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from checkout_assets.cli.main import run
from checkout_assets.settings import Settings


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        sns = boto3.client("sns", region_name="us-east-2")
        yield str(sns.create_topic(Name="orders")["TopicArn"])


def test_each_target_is_a_line(
    topic: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHECKOUT_ALERTS_TOPICS", json.dumps([topic]))
    assert run(["alerts", "test"]) == 0
    assert capsys.readouterr().out == f"{topic}: sent\n"


def test_one_that_fails_is_exit_code_1_and_the_others_get_theirs(
    topic: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHECKOUT_ALERTS_TOPICS", json.dumps([f"{topic}-absent", topic]))
    monkeypatch.setenv("CHECKOUT_ALERTS_URLS", '["no-such-service://SECRET"]')
    assert run(["alerts", "test", "--json"]) == 1
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert (document["command"], document["complete"]) == ("alerts test", False)
    assert document["messages"] == [
        {"target": f"{topic}-absent", "error": "the topic does not exist"},
        {"target": topic, "error": None},
        {"target": "URL 1 of CHECKOUT_ALERTS", "error": "apprise does not support this URL"},
    ]
    assert "SECRET" not in told.out + told.err


def test_without_anybody_it_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["alerts", "test"]) == 2
    told = capsys.readouterr().err
    assert "set CHECKOUT_ALERTS" in told
    assert f"It is {Settings.model_fields['alerts'].description}." in told
