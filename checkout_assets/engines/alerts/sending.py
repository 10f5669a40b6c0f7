"""What every service that gets messages has in common."""

import hashlib
from typing import Protocol

from checkout_assets.domain.alerts.message import AlertMessage


class NotSentError(Exception):
    """A message was not sent; ``reason`` is a clause that says why, without any secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AlertTarget(Protocol):
    """Who gets messages."""

    @property
    def name(self) -> str:
        """What to call it; it holds no secret."""

    @property
    def key(self) -> str:
        """What the sensor's cursor knows it by; the same after a restart."""

    def send(self, message: AlertMessage) -> None:
        """Send it; raises NotSentError if it is not known that it was sent."""


def problem_of_sending(target: AlertTarget, message: AlertMessage) -> str:
    """Send the message; return why it was not sent, or nothing if it was."""
    try:
        target.send(message)
    except NotSentError as error:
        return error.reason
    return ""


def digest_of(address: str) -> str:
    """A short digest, from which the address cannot be read."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]
