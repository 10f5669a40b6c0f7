"""Turns a check's exceptions into results, so that one failure does not hide others."""

from collections.abc import Callable, Iterable, Iterator

from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.faults import explain_fault

AGAIN = "Do what the reason says, then run checkout-assets doctor again."


class UnseenError(Exception):
    """Something could not be read: the reason, and what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def settled_one(topic: Topic, check: Callable[[], CheckResult]) -> CheckResult:
    """The check's only result, or its exception as a result."""
    return next(settled(topic, lambda: [check()]))


def settled(
    topic: Topic, check: Callable[[], Iterable[CheckResult]], remedy: str = AGAIN
) -> Iterator[CheckResult]:
    """The check's results; an exception becomes the last one.

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
