"""An S3 server that does not answer requests until its silence has been reported."""

import threading
from collections.abc import Callable

import pytest

from checkout_assets.engines import silence
from checkout_assets_tests.fault_proxy import FaultProxy, Request


class SilentServer:
    """Does not answer the chosen requests before ``hear``, or before a time limit."""

    def __init__(
        self, proxy: FaultProxy, is_silent: Callable[[Request], bool], seconds: float = 4
    ) -> None:
        self.told: list[str] = []
        self.reached = threading.Event()
        self._heard = threading.Event()
        self._is_silent = is_silent
        self._seconds = seconds
        proxy.rule = self._hold

    def hear(self, told: object) -> None:
        """Take a report of the silence, and answer again."""
        self.told.append(str(told))
        self._heard.set()

    def _hold(self, request: Request) -> None:
        if self._is_silent(request):
            self.reached.set()
            self._heard.wait(self._seconds)


def tell_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report silence after 0.3 seconds instead of 10."""
    monkeypatch.setattr(silence, "_WORTH_TELLING_SECONDS", 0.3)
    monkeypatch.setattr(silence, "_SECONDS_BETWEEN_LOOKS", 0.05)
