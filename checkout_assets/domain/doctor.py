"""What ``doctor`` found: one result per check, and what all of them mean together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """How a check ended; UNKNOWN if it could not be made."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found.

    ``subject`` is what was looked at (this machine, the source), ``reason`` what was seen or why
    nothing was, ``remedy`` what to do; ``guide`` is the page of the docs that says more.
    """

    subject: str
    check: str
    state: CheckState
    reason: str
    remedy: str = ""
    guide: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """What a check looks at, what it is called, and where the docs explain it."""

    subject: str
    check: str
    guide: str = ""

    def ok(self, reason: str) -> CheckResult:
        """The check found what is needed."""
        return CheckResult(self.subject, self.check, CheckState.OK, reason, "", self.guide)

    def failed(self, reason: str, remedy: str) -> CheckResult:
        """The check found something else than what is needed."""
        return CheckResult(self.subject, self.check, CheckState.FAILED, reason, remedy, self.guide)

    def unknown(self, reason: str, remedy: str) -> CheckResult:
        """The check could not be made."""
        return CheckResult(self.subject, self.check, CheckState.UNKNOWN, reason, remedy, self.guide)


def count_states(results: Sequence[CheckResult]) -> Mapping[CheckState, int]:
    """How many checks ended in each state; every state has a number."""
    found = Counter(each.state for each in results)
    return {state: found[state] for state in CheckState}
