"""An S3 server that accepts requests and stays silent until somebody has said so."""

import threading
from collections.abc import Callable

import pytest

from checkout_assets.engines import silence
from checkout_assets_tests.fault_proxy import FaultProxy, Request


class SilentServer:
    """Does not answer the chosen requests before ``hear``, or before the time is up."""

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
        """That S3 is silent was said, in these words; it answers again."""
        self.told.append(str(told))
        self._heard.set()

    def _hold(self, request: Request) -> None:
        if self._is_silent(request):
            self.reached.set()
            self._heard.wait(self._seconds)


def tell_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is silent for 0.3 seconds be told, instead of 10."""
    monkeypatch.setattr(silence, "_WORTH_TELLING_SECONDS", 0.3)
    monkeypatch.setattr(silence, "_SECONDS_BETWEEN_LOOKS", 0.05)
