"""Results of ``doctor``: one per check, and their totals."""

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
    """The result of one check.

    ``subject`` is what was checked (this machine, the source). ``reason`` is what was found, or why
    nothing was. ``remedy`` is what to do, and ``guide`` the page of the docs that says more.
    """

    subject: str
    check: str
    state: CheckState
    reason: str
    remedy: str = ""
    guide: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """The subject of a check, its name, and the page of the docs that explains it."""

    subject: str
    check: str
    guide: str = ""

    def ok(self, reason: str) -> CheckResult:
        """Return the result of a check that found what is needed."""
        return CheckResult(self.subject, self.check, CheckState.OK, reason, "", self.guide)

    def failed(self, reason: str, remedy: str) -> CheckResult:
        """Return the result of a check that did not find what is needed."""
        return CheckResult(self.subject, self.check, CheckState.FAILED, reason, remedy, self.guide)

    def unknown(self, reason: str, remedy: str) -> CheckResult:
        """Return the result of a check that could not be made."""
        return CheckResult(self.subject, self.check, CheckState.UNKNOWN, reason, remedy, self.guide)


def count_states(results: Sequence[CheckResult]) -> Mapping[CheckState, int]:
    """Count the checks by state; every state is included."""
    found = Counter(each.state for each in results)
    return {state: found[state] for state in CheckState}
