"""Requests that wait, so that a run is in progress for as long as a test wants."""

import threading
from collections.abc import Callable

from checkout_assets_tests.fault_proxy import Answer, Request

_HELD_SECONDS = 600.0


class HeldCopies:
    """A proxy's rule: no copy is answered while copies are held.

    ``waits`` says which requests wait instead of copies.
    """

    def __init__(self) -> None:
        self.waits: Callable[[Request], bool] = lambda request: request.is_copy
        self.reached, self._released = threading.Event(), threading.Event()

    def __call__(self, request: Request) -> Answer | None:
        """Wait with a copy."""
        if self.waits(request):
            self.reached.set()
            self._released.wait(_HELD_SECONDS)
        return None

    def hold(self) -> None:
        """Answer no copy from now on."""
        self.reached.clear()
        self._released.clear()

    def release(self) -> None:
        """Answer every copy from now on."""
        self._released.set()
