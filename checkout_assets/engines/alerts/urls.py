"""Targets by an apprise URL, which may contain a secret."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from pydantic import SecretStr

from checkout_assets.domain.alerts.message import AlertMessage
from checkout_assets.engines.alerts.sending import NotSentError, digest_of

_LOGGING_URLS = ("apprise", "requests", "requests_oauthlib", "urllib3")
"""Loggers that may write a URL or a service's response."""

_SILENT = logging.CRITICAL + 1


def has_apprise() -> bool:
    """Whether apprise is installed."""
    return find_spec("apprise") is not None


class NotificationUrl:
    """A URL of CHECKOUT_ALERTS; ``number`` is its position, from 1."""

    def __init__(self, url: SecretStr, number: int) -> None:
        self._url = url
        self._number = number

    @property
    def name(self) -> str:
        """Its position in CHECKOUT_ALERTS, without any part of the URL."""
        return f"URL {self._number} of CHECKOUT_ALERTS"

    @property
    def key(self) -> str:
        """A digest of the URL."""
        return digest_of(self._url.get_secret_value())

    def send(self, message: AlertMessage) -> None:
        """Send the message once; the sensor retries failures."""
        with _without_logs():
            try:
                problem = self._problem_of(message)
            except Exception as error:  # a plugin of apprise may raise anything
                problem = f"apprise raised {type(error).__name__}"
        if problem:
            raise NotSentError(problem)

    def _problem_of(self, message: AlertMessage) -> str:
        from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

        services = Apprise(asset=AppriseAsset(app_id="checkout-assets", async_mode=False))
        if not services.add(self._url.get_secret_value()):
            return "apprise does not support this URL"
        sent = services.notify(
            title=message.subject,
            body=message.body,
            notify_type=NotifyType.WARNING,
            body_format=NotifyFormat.TEXT,
        )
        return "" if sent else "the service did not accept the message"


@contextmanager
def _without_logs() -> Iterator[None]:
    """Disable the logging of these libraries meanwhile."""
    loggers = [logging.getLogger(name) for name in _LOGGING_URLS]
    before = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(_SILENT)
    try:
        yield
    finally:
        for each, level in zip(loggers, before, strict=True):
            each.setLevel(level)
