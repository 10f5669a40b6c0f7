"""Why a cluster, one of its steps or a request to AWS failed, and whether to try again.

Codes are those of EMR's ``StateChangeReason``, ``ErrorDetails`` and ``FailureDetails``, and of
AWS's errors. What is not known to be passing is not repeated without end: an unexplained failure
is tried once more.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from checkout_assets.domain.displayable import displayable
from spark_jobs.contract.failures import Failure
from spark_jobs.service_codes import is_throttling, is_transient

LONGEST_REASON = 200


class Cause(StrEnum):
    """What a failure calls for: again, never again, elsewhere, or nothing because it was meant."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    CAPACITY = "capacity"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A failure's cause, one clause for people, and how many more tries it is worth."""

    cause: Cause
    reason: str
    retries: int = 0


_SEVERAL, _ONCE = 2, 1

_REFUSALS = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException",
        "InvalidClientTokenId", "InvalidRequestException", "NoSuchBucket", "UnauthorizedOperation",
        "UnrecognizedClientException", "ValidationException",
    }
)  # fmt: skip
_CAPACITY = re.compile(
    r"insufficient.{0,20}capacity|not have (enough|sufficient) capacity|capacity-not-available"
    r"|InstanceFleetTimeout|no spot capacity|InsufficientFreeAddressesInSubnet|SpotMaxPriceTooLow"
    r"|not supported in your requested Availability Zone",
    re.IGNORECASE,
)
_QUOTA = re.compile(
    r"VcpuLimitExceeded|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|vCPU (limit|capacity)",
    re.IGNORECASE,
)
_SPOT = re.compile(r"\bspot\b.{0,60}\b(terminat|interrupt|reclaim)\w*", re.IGNORECASE)
_PERMANENT_IN_LOG: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"(ModuleNotFoundError|ImportError): (No module named '?[\w.]+)?"),
        "the job's packages are incomplete: build them again (make package) and upload them",
    ),
    (
        re.compile(r"Path does not exist|FileNotFoundException|No such file or directory"),
        "a file of the job is not where it was said to be: check the package's place",
    ),
    (
        re.compile(r"Unrecognized VM option|Could not create the Java Virtual Machine"),
        "Java refuses an option of the Spark configuration",
    ),
    (re.compile(r"AnalysisException"), "Spark refuses the job itself"),
    (
        re.compile(r"KMS\.DisabledException|KMSInvalidStateException"),
        "the bucket's key is disabled",
    ),
    (
        re.compile(r"AccessDenied|status code: 403|403 Forbidden"),
        "access is denied: check the cluster's instance profile and the buckets' policies",
    ),
    (re.compile(r"NoSuchBucket"), "a bucket of the job does not exist"),
)
_TRANSIENT_IN_LOG = re.compile(
    r"SlowDown|ThrottlingException|RequestTimeout|ExecutorLostFailure|Lost connection"
    r"|lost contact|Connection reset|503 Service|500 Internal|transient",
    re.IGNORECASE,
)


def diagnose_request(code: str, message: str = "") -> Diagnosis:
    """Why AWS refused a request, by the error's code."""
    said = _quoted(f"{code}: {message}" if message else code)
    if _QUOTA.search(f"{code} {message}"):
        return Diagnosis(Cause.PERMANENT, f"the account's instance quota is used up {said}")
    if _CAPACITY.search(f"{code} {message}"):
        return Diagnosis(Cause.CAPACITY, f"AWS has no such instances free now {said}", _SEVERAL)
    if is_throttling(code):
        return Diagnosis(Cause.TRANSIENT, f"AWS asks for fewer requests {said}", _SEVERAL)
    if is_transient(code):
        return Diagnosis(Cause.TRANSIENT, f"AWS did not answer in time {said}", _SEVERAL)
    if code in _REFUSALS:
        return Diagnosis(Cause.PERMANENT, f"AWS refuses the request {said}")
    return Diagnosis(Cause.PERMANENT, f"AWS answers with an error {said}")


_CLUSTER_ENDS: tuple[tuple[re.Pattern[str], Diagnosis], ...] = (
    (
        re.compile(r"^USER_REQUEST\b"),
        Diagnosis(Cause.CANCELLED, "someone terminated the cluster"),
    ),
    (_QUOTA, Diagnosis(Cause.PERMANENT, "the account's instance quota is used up")),
    (
        re.compile(rf"{_CAPACITY.pattern}|^INSTANCE_FLEET_TIMEOUT\b", re.IGNORECASE),
        Diagnosis(Cause.CAPACITY, "AWS has no such instances free now", _SEVERAL),
    ),
    (
        re.compile(r"^VALIDATION_ERROR\b"),
        Diagnosis(Cause.PERMANENT, "EMR refuses the cluster's configuration"),
    ),
    (
        re.compile(r"^BOOTSTRAP_FAILURE\b"),
        Diagnosis(Cause.TRANSIENT, "a bootstrap action failed", _ONCE),
    ),
    (_SPOT, Diagnosis(Cause.TRANSIENT, "AWS took Spot instances back", _SEVERAL)),
    (
        re.compile(r"^(INTERNAL_ERROR|INSTANCE_FAILURE)\b"),
        Diagnosis(Cause.TRANSIENT, "the cluster broke down", _SEVERAL),
    ),
    (re.compile(""), Diagnosis(Cause.TRANSIENT, "the cluster ended early", _ONCE)),
)
"""The first that matches the code, the message and the error codes decides."""


def diagnose_cluster(code: str, message: str, error_codes: Sequence[str] = ()) -> Diagnosis:
    """Why a cluster ended before its steps, by ``StateChangeReason`` and ``ErrorDetails``."""
    told = " ".join((code, message, *error_codes))
    said = _quoted(": ".join(part for part in (code, message) if part) or "no reason given")
    end = next(diagnosis for pattern, diagnosis in _CLUSTER_ENDS if pattern.search(told))
    return replace(end, reason=f"{end.reason} {said}")


def diagnose_step(state: str, reason: str, message: str, log: str = "") -> Diagnosis:
    """Why a step on a living cluster did not do its folder.

    ``log`` is what is known beyond ``FailureDetails``: the folder's own error, or its log's end.
    """
    if state in {"CANCELLED", "INTERRUPTED"}:
        return Diagnosis(Cause.CANCELLED, "someone cancelled the step")
    told = f"{message}\n{log}"
    for pattern, meaning in _PERMANENT_IN_LOG:
        if pattern.search(told):
            return Diagnosis(Cause.PERMANENT, meaning)
    if _TRANSIENT_IN_LOG.search(told):
        return Diagnosis(Cause.TRANSIENT, "the step failed in passing", _SEVERAL)
    if state == "COMPLETED":
        return Diagnosis(Cause.TRANSIENT, "the step ended but left no result in the lake", _ONCE)
    known = "" if reason in {"", "Unknown Error", "Unknown Error."} else f" {_quoted(reason)}"
    return Diagnosis(Cause.TRANSIENT, f"the step failed without saying why{known}", _ONCE)


def diagnose_folder(error: str, failure: Failure | None) -> Diagnosis:
    """Why a step or a worker gave a folder up, by the failure that it reports.

    It has retried what it could, so what is transient is worth one more try elsewhere. So is what
    a worker of an earlier version reports, which tells no failure.
    """
    if failure is None or failure.transient:
        return Diagnosis(Cause.TRANSIENT, error, _ONCE)
    return Diagnosis(Cause.PERMANENT, error)


def _quoted(said: str) -> str:
    return f"({displayable(said.strip(), LONGEST_REASON)})"
