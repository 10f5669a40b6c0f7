"""Whatever a check raises becomes a result, so that one fault never hides the others."""

from collections.abc import Callable, Iterable, Iterator

from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.faults import explain_fault

AGAIN = "Do what the reason says, then run checkout-assets doctor again."


class UnseenError(Exception):
    """Something could not be looked at: why, and what would make it visible."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def settled_one(topic: Topic, check: Callable[[], CheckResult]) -> CheckResult:
    """The check's only result, or what it raises as one."""
    return next(settled(topic, lambda: [check()]))


def settled(
    topic: Topic, check: Callable[[], Iterable[CheckResult]], remedy: str = AGAIN
) -> Iterator[CheckResult]:
    """The check's results; what it raises is the last one of them.

    ``remedy`` is what to do about a UsageError.
    """
    try:
        yield from check()
    except UnseenError as unseen:
        yield topic.unknown(unseen.reason, unseen.remedy)
    except UsageError as error:
        yield topic.failed(str(error), remedy)
    except MigrationError as error:
        yield topic.unknown(str(error), AGAIN)
    except Exception as error:
        yield topic.unknown(explain_fault(error), AGAIN)
