"""Each way an instance ends gets its cause, and as many more instances as may help."""

import pytest

from checkout_assets.domain.failures import LONGEST_REASON, LOST, TRIED_AGAIN, Cause
from checkout_assets.domain.instance_failures import diagnose_instance, failure_of_stopping
from spark_jobs.contract.failures import Failure

ITSELF = "Client.InstanceInitiatedShutdown"
ALWAYS = 99
"""As often as the run may: its limit of instances decides."""


@pytest.mark.parametrize(
    ("code", "outcome", "said", "cause", "retries", "told"),
    [
        ("Server.SpotInstanceTermination", "", "", Cause.TRANSIENT, ALWAYS, "Spot instance back"),
        ("Server.SpotInstanceShutdown", "", "", Cause.TRANSIENT, ALWAYS, "Spot instance back"),
        ("Server.InternalError", "", "", Cause.TRANSIENT, 2, "the instance failed"),
        ("Server.ScheduledStop", "", "", Cause.TRANSIENT, 2, "the instance failed"),
        ("Server.NeverSeenBefore", "", "", Cause.TRANSIENT, 2, "the instance failed"),
        (
            "Server.InsufficientInstanceCapacity",
            "",
            "",
            Cause.CAPACITY,
            2,
            "has no capacity for these",
        ),
        ("Client.UserInitiatedShutdown", "", "", Cause.CANCELLED, 0, "someone terminated"),
        ("Client.InternalError", "", "", Cause.PERMANENT, 0, "the volume's key"),
        ("Client.VolumeLimitExceeded", "", "", Cause.PERMANENT, 0, "the volume quota"),
        ("Client.InvalidSnapshot.NotFound", "", "", Cause.PERMANENT, 0, "the image"),
        (ITSELF, "", "", Cause.TRANSIENT, 1, "without having done all"),
        ("", "", "", Cause.TRANSIENT, 1, "without having done all"),
        ("", "done", "2 of 4 folders are complete.", Cause.TRANSIENT, 1, "2 of 4 folders"),
        (ITSELF, "failed", "It ended (exit code 1).", Cause.TRANSIENT, 1, "exit code 1"),
        (ITSELF, "failed", "It ended (exit code 2).", Cause.PERMANENT, 0, "its configuration"),
        (ITSELF, "failed", "It ended (exit code 23).", Cause.TRANSIENT, 1, "exit code 23"),
        (ITSELF, "failed", "S3 answers AccessDenied.", Cause.PERMANENT, 0, "access is denied"),
        ("", "failed", "The key is denied to it.", Cause.PERMANENT, 0, "access is denied"),
        (ITSELF, "install", "It failed to mkdir.", Cause.TRANSIENT, 1, "could not be installed"),
        (ITSELF, "install", "its SHA-256 is wrong", Cause.PERMANENT, 0, "not the packaged one"),
        (ITSELF, "interrupted", "A signal.", Cause.TRANSIENT, ALWAYS, "was interrupted"),
        (ITSELF, "deadline", "It passed.", Cause.PERMANENT, 0, "deadline_hours"),
        (ITSELF, "unheard", "Nobody listened.", Cause.TRANSIENT, 2, "heard nothing"),
        (ITSELF, "never seen before", "So.", Cause.TRANSIENT, 1, "without having done all"),
    ],
)
def test_how_an_instance_ended(  # noqa: PLR0913, PLR0917 - a table's columns
    code: str, outcome: str, said: str, cause: Cause, retries: int, told: str
) -> None:
    found = diagnose_instance(code, "", outcome, said)
    assert (found.cause, found.retries) == (cause, retries)
    assert told in found.reason


@pytest.mark.parametrize(
    ("outcome", "failure", "cause", "retries", "told"),
    [
        ("failed", Failure("AccessDenied"), Cause.PERMANENT, 0, "access is denied"),
        ("failed", Failure("KMS.AccessDenied"), Cause.PERMANENT, 0, "access is denied"),
        ("failed", Failure("WrongUsage"), Cause.PERMANENT, 0, "its configuration"),
        ("failed", Failure("NoSuchBucket"), Cause.PERMANENT, 0, "cannot do its folders"),
        ("failed", Failure("SlowDown", True), Cause.TRANSIENT, 1, "without having done all"),
        ("failed", Failure("FoldersLeft", True), Cause.TRANSIENT, 1, "without having done all"),
        ("failed", Failure("WorkerEnded", True), Cause.TRANSIENT, 1, "without having done all"),
        ("install", Failure("WrongArchive"), Cause.PERMANENT, 0, "not the packaged one"),
        ("install", Failure("WorkerNotInstalled", True), Cause.TRANSIENT, 1, "be installed"),
        ("interrupted", Failure("HostInterrupted", True), Cause.TRANSIENT, ALWAYS, "interrupted"),
        ("deadline", Failure("Deadline"), Cause.PERMANENT, 0, "deadline_hours"),
        ("unheard", Failure("HostUnheard", True), Cause.TRANSIENT, 2, "heard nothing"),
    ],
)
@pytest.mark.parametrize(
    "said", ["", "Access denied: its SHA-256 is wrong (exit code 2).", "SlowDown, Spot, deadline"]
)
def test_the_failure_that_the_instance_tells_decides_whatever_its_sentence(  # noqa: PLR0913, PLR0917
    outcome: str, failure: Failure, cause: Cause, retries: int, told: str, said: str
) -> None:
    found = diagnose_instance(ITSELF, "", outcome, said, failure)
    assert (found.cause, found.retries, found.failure) == (
        cause,
        retries,
        Failure(found.code, failure.transient),
    )
    assert told in found.reason


@pytest.mark.parametrize("outcome", ["interrupted", "deadline", "unheard", "install"])
def test_a_worker_that_stops_tells_what_its_outcome_means(outcome: str) -> None:
    """So both words of one end agree, also for a follower that reads the outcome only."""
    told = failure_of_stopping(outcome)
    by_failure = diagnose_instance(ITSELF, "", outcome, "It stopped.", told)
    assert by_failure == diagnose_instance(ITSELF, "", outcome, "It stopped.")


@pytest.mark.parametrize("outcome", ["interrupted", "failed", "deadline", "install"])
def test_what_ec2_says_is_believed_more_than_the_instances_last_words(outcome: str) -> None:
    """Someone who terminates it makes the worker say that it was interrupted."""
    by_someone = diagnose_instance("Client.UserInitiatedShutdown", "", outcome, "AccessDenied")
    assert by_someone.cause is Cause.CANCELLED
    spot = diagnose_instance("Server.SpotInstanceTermination", "", outcome, "AccessDenied")
    assert (spot.cause, spot.retries) == (Cause.TRANSIENT, ALWAYS)


def test_the_instances_own_sentence_is_told_or_else_ec2s() -> None:
    said = diagnose_instance(ITSELF, "Instance initiated", "failed", "The disk is full.")
    assert said.reason.endswith("(The disk is full.)")
    silent = diagnose_instance("Server.InternalError", "Internal error on launch")
    assert silent.reason.endswith("(Server.InternalError: Internal error on launch)")
    assert diagnose_instance("", "").reason.endswith("(no reason given)")


@pytest.mark.parametrize("text", ["\x1b[31mred\x07", "one\r\ntwo", "\u202egnp.exe", "x" * 5000])
@pytest.mark.parametrize("where", ["code", "message", "said"])
def test_hostile_text_is_displayable_and_bounded(text: str, where: str) -> None:
    words = {"code": "", "message": "", "outcome": "failed", "said": "", where: text}
    reason = diagnose_instance(**words).reason
    assert reason.isprintable()
    assert len(reason) < LONGEST_REASON + 200


def test_a_silent_instance_and_folders_to_try_again_are_worth_another_one() -> None:
    assert (LOST.cause, LOST.retries) == (Cause.TRANSIENT, 2)
    assert (TRIED_AGAIN.cause, TRIED_AGAIN.retries) == (Cause.TRANSIENT, ALWAYS)
