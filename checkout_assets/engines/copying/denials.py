"""Denied copies: S3 bills each of them, so a run without permission to copy ends early.

One object is copied before all others. Until S3 has answered a copy with something other than a
denial, only one copy is in flight.
"""

import threading

from checkout_assets.engines.copying.explaining import Why
from spark_jobs.contract.failures import Failure
from spark_jobs.transport.answers import CROSS_REGION_ENDPOINT

MOST_IN_A_ROW = 100
"""Consecutive denials after which a run is given up. An object that is denied twice, because it
might have been deleted, counts twice."""

_OWN_CAUSES = {
    CROSS_REGION_ENDPOINT: "the request goes through a VPC endpoint for S3, which does not copy "
    "from another region: use subnets without one, with a NAT gateway or public addresses",
}
_USUAL_CAUSES = (
    "check the bucket policies (checkout-assets access status), the KMS keys' policies, the "
    "policy of the subnet's S3 endpoint, and who owns the source's objects"
)


class Denials:
    """Counts a run's denied copies, and starts the first copies one at a time.

    ``open`` says that copies may start without waiting for a turn. ``given_up`` says why no further
    copy may start.
    """

    def __init__(self) -> None:
        self.open = False
        self.given_up: Why | None = None
        self._in_a_row = self._total = 0
        self._under_way = False
        self._changed = threading.Condition()

    def wait_for_turn(self) -> None:
        """Wait until none of the other first copies is in flight."""
        with self._changed:
            while self._under_way and not self.open:
                self._changed.wait()
            self._under_way = True

    def end_turn(self) -> None:
        """Record that one of the first copies has ended, successfully or not."""
        with self._changed:
            self._under_way = False
            self._changed.notify_all()

    def denied(self, code: str) -> bool:
        """Count a denied copy; returns whether the run has just been given up because of it."""
        with self._changed:
            self._total += 1
            self._in_a_row += 1
            if self._in_a_row < MOST_IN_A_ROW or self.given_up:
                return False
            self.given_up = Why(_sentence(code, self._total, self._in_a_row), Failure(code))
            self._open()
            return True

    def answered(self) -> None:
        """Record that S3 answered a copy with something other than a denial."""
        if self.open and not self._in_a_row:
            return
        with self._changed:
            self._in_a_row = 0
            self._open()

    def _open(self) -> None:
        self.open = True
        self._changed.notify_all()


def _sentence(code: str, total: int, in_a_row: int) -> str:
    counted = f"S3 denied {total:,} copies, the last {in_a_row:,} without copying anything between"
    return f"{counted} ({code}): {_OWN_CAUSES.get(code, _USUAL_CAUSES)}"
