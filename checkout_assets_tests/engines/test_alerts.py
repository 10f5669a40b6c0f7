"""Messages to URLs, through the real library, to a server of the test; no secret is shown."""

import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from pydantic import SecretStr

from checkout_assets.domain.alerts.message import AlertMessage
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.alerts import targets, urls
from checkout_assets.engines.alerts.options import AlertOptions
from checkout_assets.engines.alerts.sending import NotSentError
from checkout_assets.engines.alerts.sns import SnsTopic
from checkout_assets.engines.alerts.targets import alert_targets
from checkout_assets.engines.alerts.urls import NotificationUrl

MESSAGE = AlertMessage("0123", "checkout-assets: <b>it</b> failed", "A *body*.\n\nMessage 0123")
TOPIC = "arn:aws:sns:us-east-2:111122223333:orders"


class Service(HTTPServer):
    """Takes messages, or answers with the status it is told."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[bytes] = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Service)
        self.server.got.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"SECRET answer")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url_of(service: Service) -> NotificationUrl:
    port = service.server_address[1]
    return NotificationUrl(SecretStr(f"json://SECRET:SECRET@127.0.0.1:{port}/SECRET"), 2)


def test_a_service_gets_the_message(service: Service) -> None:
    url_of(service).send(MESSAGE)
    (body,) = service.got
    assert MESSAGE.subject.encode() in body
    assert b"Message 0123" in body


def test_a_service_that_refuses_is_a_reason_and_nothing_secret_is_logged(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service.status = 500
    with pytest.raises(NotSentError) as refused:
        url_of(service).send(MESSAGE)
    assert refused.value.reason == "the service did not accept the message"
    shown = f"{caplog.text} {url_of(service).name} {url_of(service).key} {refused.value}"
    assert "SECRET" not in shown
    assert url_of(service).name == "URL 2 of CHECKOUT_ALERTS"


def test_levels_of_logs_are_as_before_afterwards(service: Service) -> None:
    logging.getLogger("urllib3").setLevel(logging.INFO)
    url_of(service).send(MESSAGE)
    assert logging.getLogger("urllib3").level == logging.INFO


@pytest.mark.parametrize("url", ["SECRET", "no-such-service://SECRET", "", "slack://SECRET"])
def test_a_url_that_apprise_does_not_know_is_a_reason(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(NotSentError) as refused:
        NotificationUrl(SecretStr(url), 1).send(MESSAGE)
    assert "SECRET" not in f"{caplog.text} {refused.value}"


def test_each_target_is_one_and_is_known_again_after_a_restart() -> None:
    options = AlertOptions(topics=[TOPIC, TOPIC], urls=["json://one", "json://two", "json://one"])
    keys = [each.key for each in alert_targets(options)]
    assert len(keys) == len(set(keys)) == 3
    assert keys == [each.key for each in alert_targets(options)]
    assert SnsTopic(TOPIC).name == TOPIC


def test_urls_need_apprise_and_topics_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "has_apprise", lambda: False)
    assert len(alert_targets(AlertOptions(topics=[TOPIC]))) == 1
    with pytest.raises(UsageError, match=r"install checkout-assets\[alerts\]"):
        alert_targets(AlertOptions(urls=["json://one"]))


def test_whether_apprise_is_installed_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert urls.has_apprise()
    monkeypatch.setattr(urls, "find_spec", lambda _: None)
    assert not urls.has_apprise()
