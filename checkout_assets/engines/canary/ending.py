"""The end of a canary's machines: none is left because another one, or one request, failed."""

from collections.abc import Callable, Sequence
from typing import Any

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.canary.fleets import CanaryFleet, Machine

_MOST_LOOKS = 40
_LOOK_SECONDS = 15.0
"""Between two looks at machines that are ending: ten minutes in all."""


def end_machines(fleet: CanaryFleet[Any], pause: Callable[[float], None]) -> str:
    """End the fleet's machines, wait until they are gone, and say so.

    What AWS does not answer now is repeated at the next look. Raises UsageError if a machine may
    not be ended or is still there at the end, and AwsRequestError if no look was possible.
    """
    for _ in range(_MOST_LOOKS):
        if _are_gone(fleet):
            return "nothing of it is running"
        pause(_LOOK_SECONDS)
    if left := fleet.find():
        raise UsageError(f"It is still ending: {', '.join(each.id for each in left)}.")
    return "nothing of it is running"


def _are_gone(fleet: CanaryFleet[Any]) -> bool:
    """Whether no machine is there; otherwise each that is not ending yet is ended."""
    try:
        machines = fleet.find()
    except AwsRequestError as error:
        if not error.diagnosis.passes:
            raise
        return False
    _end_each(fleet, [each for each in machines if each.alive])
    return not machines


def _end_each(fleet: CanaryFleet[Any], machines: Sequence[Machine]) -> None:
    """Begin to end all of them; raises UsageError for those that may not be ended."""
    refused = []
    for each in machines:
        try:
            fleet.end(each.id)
        except AwsRequestError as error:
            if not error.diagnosis.passes:
                refused.append(f"{each.id} is still running: {error}.")
    if refused:
        raise UsageError(" ".join(refused))
