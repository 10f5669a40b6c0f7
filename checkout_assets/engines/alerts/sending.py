"""The protocol of all targets of alerts."""

import hashlib
from typing import Protocol

from checkout_assets.domain.alerts.message import AlertMessage


class NotSentError(Exception):
    """A message was not sent; ``reason`` is a clause that says why, without any secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AlertTarget(Protocol):
    """A service that receives messages."""

    @property
    def name(self) -> str:
        """Its name for people, without secrets."""

    @property
    def key(self) -> str:
        """Its id in the sensor's cursor; the same after a restart."""

    def send(self, message: AlertMessage) -> None:
        """Send the message; raises NotSentError unless it was certainly sent."""


def problem_of_sending(target: AlertTarget, message: AlertMessage) -> str:
    """Send the message; return why it was not sent, or an empty text if it was."""
    try:
        target.send(message)
    except NotSentError as error:
        return error.reason
    return ""


def digest_of(address: str) -> str:
    """A short digest that does not reveal the address."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]
