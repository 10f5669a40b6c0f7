"""Each way to fail gets its own outcome and a sentence; nothing is repeated without end."""

import pytest

from checkout_assets.domain.failures import (
    Cause,
    diagnose_cluster,
    diagnose_request,
    diagnose_step,
)
from checkout_assets.domain.log_tail import LONGEST_LINE, MOST_LINES, log_tail

TYPE = "The requested instance type c5.4xlarge"
ZONE = "the requested Availability Zone"
NO_CAPACITY = "The requested instance type m5.4xlarge: insufficient capacity in us-east-2a"


@pytest.mark.parametrize(
    ("code", "message", "cause", "retries"),
    [
        ("INTERNAL_ERROR", "", Cause.TRANSIENT, 2),
        ("INSTANCE_FAILURE", "The master failed: EC2", Cause.TRANSIENT, 2),
        ("INSTANCE_FLEET_TIMEOUT", "", Cause.CAPACITY, 2),
        ("VALIDATION_ERROR", NO_CAPACITY, Cause.CAPACITY, 2),
        ("VALIDATION_ERROR", "The subnet does not exist", Cause.PERMANENT, 0),
        ("VALIDATION_ERROR", "VcpuLimitExceeded: you have requested more", Cause.PERMANENT, 0),
        ("BOOTSTRAP_FAILURE", "On the master instance: exit 1", Cause.TRANSIENT, 1),
        ("INSTANCE_FAILURE", "Spot instances were terminated", Cause.TRANSIENT, 2),
        ("USER_REQUEST", "Terminated by user request", Cause.CANCELLED, 0),
        ("VALIDATION_ERROR", f"{TYPE} is not supported in {ZONE}", Cause.CAPACITY, 2),
        ("INTERNAL_ERROR", f"EC2 is out of capacity for {TYPE}", Cause.CAPACITY, 2),
        ("BOOTSTRAP_FAILURE", "a script said: insufficient capacity", Cause.TRANSIENT, 1),
        ("", "", Cause.TRANSIENT, 1),
    ],
)
def test_how_a_cluster_ended(code: str, message: str, cause: Cause, retries: int) -> None:
    told = diagnose_cluster(code, message)
    assert (told.cause, told.retries) == (cause, retries)
    assert code in told.reason


@pytest.mark.parametrize(
    ("error_code", "cause"),
    [
        ("INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ", Cause.CAPACITY),
        ("INTERNAL_ERROR_SPOT_NO_CAPACITY_PRIMARY", Cause.CAPACITY),
        ("INTERNAL_ERROR_SPOT_PRICE_INCREASE_PRIMARY", Cause.CAPACITY),
        ("VALIDATION_ERROR_INSTANCE_TYPE_NOT_SUPPORTED", Cause.CAPACITY),
        ("VALIDATION_ERROR_INVALID_SSH_KEY_NAME", Cause.PERMANENT),
        ("BOOTSTRAP_FAILURE_FILE_NOT_FOUND_PRIMARY", Cause.PERMANENT),
        ("BOOTSTRAP_FAILURE_BA_DOWNLOAD_FAILED_PRIMARY", Cause.TRANSIENT),
    ],
)
def test_a_documented_error_code_decides_whatever_the_sentence_says(
    error_code: str, cause: Cause
) -> None:
    code = error_code[: error_code.index("_", error_code.index("_") + 1)]
    assert diagnose_cluster(code, "VcpuLimitExceeded, says a sentence", [error_code]).cause is cause


def test_what_someone_terminated_stays_so_whatever_the_details_say() -> None:
    details = ["INTERNAL_ERROR_SPOT_NO_CAPACITY_PRIMARY"]
    assert diagnose_cluster("USER_REQUEST", "", details).cause is Cause.CANCELLED


FOR_SPOT = "create-service-linked-role --aws-service-name spot.amazonaws.com"
FOR_EMR = "create-service-linked-role --aws-service-name elasticmapreduce.amazonaws.com"
NO_SPOT = (
    "The provided credentials do not have permission to create the service-linked role for EC2 "
    "Spot Instances."
)
NO_CLEAN_UP = "Service-linked role 'AWSServiceRoleForEMRCleanup' for EMR is required."
DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/host/i-1 is not authorized to perform: "
    "iam:CreateServiceLinkedRole on resource: arn:aws:iam::123456789012:role/aws-service-role/"
)


@pytest.mark.parametrize("code", ["VALIDATION_ERROR", "INTERNAL_ERROR", "NEVER_SEEN", ""])
@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        (NO_CLEAN_UP, FOR_EMR),
        (f"Terminated with errors{NO_CLEAN_UP}", FOR_EMR),
        (NO_SPOT, FOR_SPOT),
        (f"{NO_SPOT} The instance fleet was terminated.", FOR_SPOT),
    ],
)
def test_a_cluster_without_a_service_linked_role_is_told_with_the_command(
    code: str, message: str, remedy: str
) -> None:
    """Whatever the code is: no source tells EMR's."""
    told = diagnose_cluster(code, message)
    assert (told.cause, told.retries, told.code) == (Cause.PERMANENT, 0, "ServiceRoleMissing")
    assert remedy in told.reason


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        ("AuthFailure.ServiceLinkedRoleCreationNotPermitted", NO_SPOT, FOR_SPOT),
        ("AuthFailure.ServiceLinkedRoleCreationNotPermitted", "", FOR_SPOT),
        ("ValidationException", NO_CLEAN_UP, FOR_EMR),
        (
            "AccessDeniedException",
            f"{DENIED}elasticmapreduce.amazonaws.com/AWSServiceRoleForEMRCleanup",
            FOR_EMR,
        ),
        (
            "UnauthorizedOperation",
            f"{DENIED}spot.amazonaws.com/AWSServiceRoleForEC2Spot",
            FOR_SPOT,
        ),
    ],
)
def test_a_request_without_a_service_linked_role_is_told_with_the_command(
    code: str, message: str, remedy: str
) -> None:
    told = diagnose_request(code, message)
    assert (told.cause, told.retries, told.code) == (Cause.PERMANENT, 0, "ServiceRoleMissing")
    assert remedy in told.reason
    assert code in told.reason


@pytest.mark.parametrize("role", ["AWSServiceRoleForEC2Spot", "AWSServiceRoleForEMRCleanup"])
def test_a_sentence_that_only_names_a_service_linked_role_says_nothing_of_its_lack(
    role: str,
) -> None:
    message = f"not authorized to perform: ec2:RunInstances on resource: instance/{role}"
    assert diagnose_request("UnauthorizedOperation", message).code == "UnauthorizedOperation"
    assert diagnose_cluster("INTERNAL_ERROR", message).cause is Cause.TRANSIENT


def test_a_clusters_error_details_count() -> None:
    told = diagnose_cluster("VALIDATION_ERROR", "", ["EC2_INSUFFICIENT_CAPACITY"])
    assert told.cause is Cause.CAPACITY


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("ThrottlingException", Cause.TRANSIENT),
        ("RequestLimitExceeded", Cause.TRANSIENT),
        ("InternalServerException", Cause.TRANSIENT),
        ("ServiceUnavailable", Cause.TRANSIENT),
        ("ValidationException", Cause.PERMANENT),
        ("AccessDeniedException", Cause.PERMANENT),
        ("NeverSeenBefore", Cause.PERMANENT),
    ],
)
def test_why_a_request_was_refused(code: str, cause: Cause) -> None:
    assert diagnose_request(code, "why").cause is cause


@pytest.mark.parametrize(
    ("code", "message", "cause"),
    [
        ("ValidationException", f"{TYPE} is not supported in {ZONE}.", Cause.CAPACITY),
        (
            "Unsupported",
            f"{TYPE} is not supported in your {ZONE[4:]} (us-east-2a).",
            Cause.CAPACITY,
        ),
        ("UnfulfillableCapacity", "There isn't enough spare capacity", Cause.CAPACITY),
        ("InsufficientHostCapacity", "", Cause.CAPACITY),
        ("MaxSpotInstanceCountExceeded", "", Cause.PERMANENT),
        ("UnauthorizedOperation", "denied: see insufficient capacity", Cause.PERMANENT),
        ("ThrottlingException", "out of capacity for more requests", Cause.TRANSIENT),
    ],
)
def test_a_request_s_code_goes_before_its_sentence(code: str, message: str, cause: Cause) -> None:
    assert diagnose_request(code, message).cause is cause


@pytest.mark.parametrize(
    ("state", "log", "cause", "retries"),
    [
        ("FAILED", "", Cause.TRANSIENT, 1),
        ("FAILED", "Exception in thread main: lost contact", Cause.TRANSIENT, 2),
        ("FAILED", "ModuleNotFoundError: No module named 'orjson'", Cause.PERMANENT, 0),
        ("FAILED", "Unrecognized VM option 'PrintGCDateStamps'", Cause.PERMANENT, 0),
        ("FAILED", "org.apache.spark.sql.AnalysisException: x", Cause.PERMANENT, 0),
        ("FAILED", "KMS.DisabledException", Cause.PERMANENT, 0),
        ("COMPLETED", "", Cause.TRANSIENT, 1),
        ("CANCELLED", "", Cause.CANCELLED, 0),
    ],
)
def test_how_a_step_ended(state: str, log: str, cause: Cause, retries: int) -> None:
    told = diagnose_step(state, "Unknown Error.", "", log)
    assert (told.cause, told.retries) == (cause, retries)


def test_reasons_are_bounded_and_displayable() -> None:
    reason = diagnose_cluster("VALIDATION_ERROR", "\x1b[31m" + "x" * 5000).reason
    assert len(reason) < 300
    assert "\x1b" not in reason


def test_the_tail_is_bounded() -> None:
    tail = log_tail("\n\n".join(f"line {n} " + "x " * 1000 for n in range(100)))
    assert len(tail) == MOST_LINES
    assert tail[-1].startswith("line 99")
    assert max(map(len, tail)) <= LONGEST_LINE


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ('ValueError: {"Id": "Maria", "cardNumber": "4111"}', "Maria"),
        ("KeyError: 'Maria Silva'", "Maria"),
        ("bad card 4111 1111 1111 1111 seen", "1111"),
        ("mail to maria@example.com failed", "maria"),
        ("AWS_ACCESS_KEY_ID AKIAIOSFODNN7EXAMPLE", "IOSFODNN"),
        ("key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY00", "wJalr"),
        ("aws_session_token=abc", "abc"),
        ("failed at 0A_CheckoutOrder/AF/id/Maria-01", "Maria"),
        ("s3://raw/copies/0A_CheckoutOrder/AF/id/Maria-01 is broken", "Maria"),
        ("an unfinished 'Maria", "Maria"),
    ],
)
def test_the_tail_hides_what_may_be_personal_or_secret(line: str, secret: str) -> None:
    (shown,) = log_tail(line)
    assert secret not in shown


@pytest.mark.parametrize(
    "piece", ["a.", "token", "password ", "1 ", "-", "x@", "0A_CheckoutOrder/", "\u0661", "\x00"]
)
def test_a_line_as_long_as_the_tail_is_read_in_one_pass(piece: str) -> None:
    (shown,) = log_tail(piece * (64 * 1024 // len(piece)) + " at jane.doe@example.com")
    assert len(shown) <= LONGEST_LINE
    assert "jane" not in shown


def test_the_tail_keeps_what_one_needs_to_act() -> None:
    (module,) = log_tail("ModuleNotFoundError: No module named 'orjson'")
    assert "orjson" in module
    (key,) = log_tail("failed at 0A_CheckoutOrder/AF/id/1-01 after 3 tries")
    assert key.startswith("failed at 0A_CheckoutOrder/")
    assert key.endswith("after 3 tries")
