"""Diagnose why a copying instance ended early, and whether another one may help.

Codes are those of EC2's ``StateReason``. The outcome and the failure come from the instance's own
last report. If an earlier version reported no failure, its sentence is used.
"""

import re
from dataclasses import replace

from checkout_assets.domain import told_texts
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import WRONG_USAGE
from checkout_assets.domain.failures import LONGEST_REASON, Cause, Diagnosis, diagnose_request
from spark_jobs.contract.failures import Failure
from spark_jobs.service_codes import is_denied

_AGAIN_AND_AGAIN, _SEVERAL, _ONCE = 99, 2, 1
"""Number of further instances; a run also limits them."""

_SPOT = re.compile(r"Server\.SpotInstance(Termination|Shutdown)")
_BY_SOMEONE = re.compile(r"Client\.(UserInitiated(Shutdown|Hibernate)|InstanceTerminated)\b")
_ITSELF = re.compile(r"Client\.InstanceInitiatedShutdown")
_KEY = re.compile(r"Client\.InternalError|Client\.InvalidSnapshot|Client\.VolumeLimitExceeded")
_OUTCOMES = {
    "install": Diagnosis(
        Cause.TRANSIENT, "the worker could not be installed", _ONCE, "WorkerNotInstalled"
    ),
    "interrupted": Diagnosis(
        Cause.TRANSIENT, "the instance was interrupted", _AGAIN_AND_AGAIN, "HostInterrupted"
    ),
    "deadline": Diagnosis(
        Cause.PERMANENT,
        "the deadline passed: run it again to continue, or raise deadline_hours",
        code="Deadline",
    ),
    "unheard": Diagnosis(
        Cause.TRANSIENT, "the instance heard nothing of this run", _SEVERAL, "HostUnheard"
    ),
}
_NOT_THE_ARCHIVE = Diagnosis(
    Cause.PERMANENT,
    "the worker archive is not the packaged one: upload it again",
    code="WrongArchive",
)
_NO_ACCESS = Diagnosis(
    Cause.PERMANENT,
    "access is denied: check the instance profile and the buckets' policies",
    code="AccessDenied",
)
_REFUSED = Diagnosis(Cause.PERMANENT, "the worker refuses its configuration", code=WRONG_USAGE.code)
_UNEXPLAINED = Diagnosis(
    Cause.TRANSIENT, "the worker ended without having done all its folders", _ONCE, "WorkerEnded"
)
_HOPELESS = Diagnosis(Cause.PERMANENT, "the worker cannot do its folders")
_BY_CODE = {
    known.code: known
    for known in (*_OUTCOMES.values(), _NOT_THE_ARCHIVE, _NO_ACCESS, _REFUSED, _UNEXPLAINED)
}


def diagnose_instance(
    code: str, message: str, outcome: str = "", said: str = "", failure: Failure | None = None
) -> Diagnosis:
    """Diagnose why an instance ended, by EC2's reason and by its own last report, if any."""
    own = _by_failure(failure) if failure is not None else _by_sentence(outcome, said)
    found = _by_state(code) or own
    told = said or ": ".join(part for part in (code, message) if part) or "no reason given"
    return replace(found, reason=f"{found.reason} ({displayable(told.strip(), LONGEST_REASON)})")


def failure_of_stopping(outcome: str) -> Failure:
    """Return the failure for a worker that stops with this outcome."""
    return _OUTCOMES.get(outcome, _UNEXPLAINED).failure


def _by_state(code: str) -> Diagnosis | None:
    """Diagnose by EC2's reason, if that decides regardless of the instance's own report."""
    if _SPOT.search(code):
        return Diagnosis(
            Cause.TRANSIENT,
            "AWS took the Spot instance back",
            _AGAIN_AND_AGAIN,
            "SpotTakenBack",
            elsewhere=True,
        )
    if _BY_SOMEONE.search(code):
        return Diagnosis(Cause.CANCELLED, "someone terminated the instance", code="HostTerminated")
    if _KEY.search(code):
        return Diagnosis(
            Cause.PERMANENT,
            "the instance could not start: check the volume's key, the image and the volume quota",
            code="HostNotStarted",
        )
    if code and not _ITSELF.search(code):
        known = diagnose_request(code.removeprefix("Server."))
        if known.cause is Cause.CAPACITY:
            return known
        return Diagnosis(Cause.TRANSIENT, "the instance failed", _SEVERAL, "HostBrokeDown")
    return None


def _by_failure(failure: Failure) -> Diagnosis:
    """Diagnose by the worker's failure; the worker has already retried what it could."""
    if is_denied(failure.code):
        return _NO_ACCESS
    unknown = _UNEXPLAINED if failure.transient else _HOPELESS
    return _BY_CODE.get(failure.code) or replace(unknown, code=failure.code)


def _by_sentence(outcome: str, said: str) -> Diagnosis:
    if outcome == "install" and told_texts.WRONG_ARCHIVE_BEFORE.search(said):
        return _NOT_THE_ARCHIVE
    if outcome in _OUTCOMES:
        return _OUTCOMES[outcome]
    if told_texts.WRONG_USAGE_BEFORE.search(said):
        return _REFUSED
    return _NO_ACCESS if told_texts.DENIED_BEFORE.search(said) else _UNEXPLAINED
