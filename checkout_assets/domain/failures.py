"""Diagnose why a cluster, a step or a request to AWS failed, and whether to retry.

Codes are those of EMR's ``StateChangeReason``, ``ErrorDetails`` and ``FailureDetails``, and of
AWS's errors. Only failures that are known to be transient are retried more than once: an
unexplained failure is retried once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from checkout_assets.domain import told_texts
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.service_roles import SERVICE_LINKED_ROLES, missing_service_role
from spark_jobs.contract.failures import Failure
from spark_jobs.service_codes import is_throttling, is_transient

LONGEST_REASON = 200


class Cause(StrEnum):
    """How to handle a failure: retry, give up, retry elsewhere, or ignore an intended end."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    CAPACITY = "capacity"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A failure's cause, one clause for people, and the number of retries.

    ``code`` is for decisions and counts: a service's own code, or one of this program's.
    ``elsewhere`` says that a retry has better chances with other types and subnets.
    """

    cause: Cause
    reason: str
    retries: int = 0
    code: str = "Unexplained"
    elsewhere: bool = False

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later."""
        return self.cause is Cause.TRANSIENT

    @property
    def failure(self) -> Failure:
        """The failure as a folder's outcome carries it."""
        return Failure(self.code, self.cause in {Cause.TRANSIENT, Cause.CAPACITY})


_ROLE_MISSING = "ServiceRoleMissing"
_AGAIN_AND_AGAIN, _SEVERAL, _ONCE = 99, 2, 1
"""Number of retries; a run also limits its hosts."""

LOST = Diagnosis(
    Cause.TRANSIENT, "the instance did not answer any more and was ended", _SEVERAL, "HostSilent"
)
"""For a host that is running and does not report."""

TRIED_AGAIN = Diagnosis(
    Cause.TRANSIENT, "some folders are tried again", _AGAIN_AND_AGAIN, "FoldersAgain"
)
"""For a host that did all it could; retries are counted per folder."""

_DENIALS = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException",
        "InvalidClientTokenId", "NoSuchBucket", "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)  # fmt: skip
"""Codes that decide, whatever the message quotes."""

_REFUSALS = _DENIALS | {"InvalidRequestException", "ValidationException"}
_IN_LOG = {
    "PackageIncomplete": "the job's packages are incomplete: "
    "build them again (make package) and upload them",
    "FileMissing": "a file of the job is not where it was said to be: check the package's place",
    "JavaRefuses": "Java refuses an option of the Spark configuration",
    "SparkRefuses": "Spark refuses the job itself",
    "KeyDisabled": "the bucket's key is disabled",
    "AccessDenied": "access is denied: "
    "check the cluster's instance profile and the buckets' policies",
    "NoSuchBucket": "a bucket of the job does not exist",
}
"""By the word for what a log tells, what it means and what to do; none of it passes."""


def diagnose_request(code: str, message: str = "") -> Diagnosis:
    """Diagnose why AWS refused a request, by the error's code."""
    said = _quoted(f"{code}: {message}" if message else code)
    by_code = is_throttling(code) or code in _DENIALS
    text = code if by_code else f"{code} {message}"

    def told(cause: Cause, clause: str, retries: int = 0, word: str = code) -> Diagnosis:
        return Diagnosis(cause, f"{clause} {said}", retries, word, cause is Cause.CAPACITY)

    if role := missing_service_role(f"{code} {message}"):
        return told(Cause.PERMANENT, role.lack, 0, _ROLE_MISSING)
    if told_texts.QUOTA.search(text):
        return told(Cause.PERMANENT, "the account's instance quota is used up", 0, "InstanceQuota")
    if told_texts.CAPACITY.search(text):
        no_capacity = "AWS has no capacity for these instances now"
        return told(Cause.CAPACITY, no_capacity, _SEVERAL, "NoCapacity")
    if is_throttling(code):
        return told(Cause.TRANSIENT, "AWS throttles the requests", _SEVERAL)
    if is_transient(code):
        return told(Cause.TRANSIENT, "AWS did not answer in time", _SEVERAL)
    clause = "AWS refuses the request" if code in _REFUSALS else "AWS answers with an error"
    return told(Cause.PERMANENT, clause)


_NO_CAPACITY = Diagnosis(
    Cause.CAPACITY,
    "AWS has no capacity for these instances now",
    _SEVERAL,
    "NoCapacity",
    elsewhere=True,
)
_CLUSTER_REFUSED = Diagnosis(
    Cause.PERMANENT, "EMR refuses the cluster's configuration", code="ClusterRefused"
)
_BOOTSTRAP_FAILED = Diagnosis(
    Cause.TRANSIENT, "a bootstrap action failed", _ONCE, "BootstrapFailed"
)
_NO_BOOTSTRAP_SCRIPT = Diagnosis(
    Cause.PERMANENT, "a bootstrap script is not where it should be", code="BootstrapFailed"
)
_BY_SOMEONE = "USER_REQUEST"
_TERMINATED = Diagnosis(Cause.CANCELLED, "someone terminated the cluster", code="HostTerminated")
_BY_ERROR_CODE = {
    "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ": _NO_CAPACITY,
    "INTERNAL_ERROR_SPOT_NO_CAPACITY_PRIMARY": _NO_CAPACITY,
    "INTERNAL_ERROR_SPOT_PRICE_INCREASE_PRIMARY": _NO_CAPACITY,
    "VALIDATION_ERROR_INSTANCE_TYPE_NOT_SUPPORTED": _NO_CAPACITY,
    "VALIDATION_ERROR_INVALID_SSH_KEY_NAME": _CLUSTER_REFUSED,
    "BOOTSTRAP_FAILURE_BA_DOWNLOAD_FAILED_PRIMARY": _BOOTSTRAP_FAILED,
    "BOOTSTRAP_FAILURE_FILE_NOT_FOUND_PRIMARY": _NO_BOOTSTRAP_SCRIPT,
}
"""The codes of ``ErrorDetails`` in "Error codes with ErrorDetail information in Amazon EMR"."""

_CLUSTER_ENDS: tuple[tuple[re.Pattern[str], Diagnosis], ...] = (
    (re.compile(r"^BOOTSTRAP_FAILURE\b"), _BOOTSTRAP_FAILED),
    *(
        (role.told, Diagnosis(Cause.PERMANENT, role.lack, code=_ROLE_MISSING))
        for role in SERVICE_LINKED_ROLES
    ),
    (
        told_texts.QUOTA,
        Diagnosis(Cause.PERMANENT, "the account's instance quota is used up", code="InstanceQuota"),
    ),
    (
        re.compile(rf"{told_texts.CAPACITY.pattern}|^INSTANCE_FLEET_TIMEOUT\b", re.IGNORECASE),
        _NO_CAPACITY,
    ),
    (re.compile(r"^VALIDATION_ERROR\b"), _CLUSTER_REFUSED),
    (
        told_texts.SPOT,
        Diagnosis(
            Cause.TRANSIENT,
            "AWS took Spot instances back",
            _SEVERAL,
            "SpotTakenBack",
            elsewhere=True,
        ),
    ),
    (
        re.compile(r"^(INTERNAL_ERROR|INSTANCE_FAILURE)\b"),
        Diagnosis(Cause.TRANSIENT, "the cluster failed", _SEVERAL, "HostBrokeDown"),
    ),
    (re.compile(""), Diagnosis(Cause.TRANSIENT, "the cluster ended early", _ONCE, "HostEnded")),
)
"""Where no error code is known, the first that matches the code, the message and the rest."""


def diagnose_cluster(code: str, message: str, error_codes: Sequence[str] = ()) -> Diagnosis:
    """Diagnose why a cluster ended early, by ``StateChangeReason`` and ``ErrorDetails``."""
    told = " ".join((code, message, *error_codes))
    said = _quoted(": ".join(part for part in (code, message) if part) or "no reason given")
    known = [_BY_ERROR_CODE[each] for each in error_codes if each in _BY_ERROR_CODE]
    if code == _BY_SOMEONE:
        end = _TERMINATED
    else:
        end = known[0] if known else next(end for text, end in _CLUSTER_ENDS if text.search(told))
    return replace(end, reason=f"{end.reason} {said}")


def diagnose_step(state: str, reason: str, message: str, log: str = "") -> Diagnosis:
    """Diagnose why a step on a running cluster did not complete its unit.

    ``log`` is what is known beyond ``FailureDetails``: the unit's own error, or its log's end.
    """
    if state in {"CANCELLED", "INTERRUPTED"}:
        return Diagnosis(Cause.CANCELLED, "someone cancelled the step", code="StepCancelled")
    told = f"{message}\n{log}"
    code = told_texts.permanent_in_log(told)
    if code:
        return Diagnosis(Cause.PERMANENT, _IN_LOG[code], code=code)
    if told_texts.PASSING_IN_LOG.search(told):
        return Diagnosis(
            Cause.TRANSIENT, "the step failed with a transient error", _SEVERAL, "StepTransient"
        )
    if state == "COMPLETED":
        return Diagnosis(
            Cause.TRANSIENT, "the step ended but left no result in the lake", _ONCE, "NoResult"
        )
    known = "" if reason in {"", "Unknown Error", "Unknown Error."} else f" {_quoted(reason)}"
    return Diagnosis(
        Cause.TRANSIENT, f"the step failed without saying why{known}", _ONCE, "StepFailed"
    )


def diagnose_unit(error: str, failure: Failure | None) -> Diagnosis:
    """Diagnose why a step or a worker gave a unit up, by the failure that it reports.

    It has already retried, so a transient failure is worth one more attempt elsewhere. So is a
    report of an earlier version's worker, which contains no failure.
    """
    if failure is None or failure.transient:
        code = failure.code if failure is not None else "Untold"
        return Diagnosis(Cause.TRANSIENT, error, _ONCE, code)
    return Diagnosis(Cause.PERMANENT, error, code=failure.code)


def _quoted(said: str) -> str:
    return f"({displayable(said.strip(), LONGEST_REASON)})"
