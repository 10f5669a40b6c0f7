"""What only a text can tell of a failure: where each text comes from, and what it is known by.

Wherever a service gives a code, the code decides (spark_jobs.service_codes); here is the rest.
"""

import re

CAPACITY = re.compile(
    r"insufficient.{0,20}capacity|not have (enough|sufficient) capacity|capacity-not-available"
    r"|InstanceFleetTimeout|no spot capacity|InsufficientFreeAddressesInSubnet|SpotMaxPriceTooLow"
    r"|not supported in (your|the) requested Availability Zone|out of capacity for"
    r"|UnfulfillableCapacity",
    re.IGNORECASE,
)
"""Codes and messages of EC2's RunInstances, and EMR's ``StateChangeReason.Message`` and
``ErrorDetails``, which pass EC2's sentence on: there are no such instances now."""

QUOTA = re.compile(
    r"VcpuLimitExceeded|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|vCPU (limit|capacity)",
    re.IGNORECASE,
)
"""The same, for what the account may not have at once."""

SPOT = re.compile(r"\bspot\b.{0,60}\b(terminat|interrupt|reclaim)\w*", re.IGNORECASE)
"""EMR's ``StateChangeReason.Message``, which has no code of its own for this."""

_PERMANENT_IN_LOG = (
    (
        re.compile(r"(ModuleNotFoundError|ImportError): (No module named '?[\w.]+)?"),
        "PackageIncomplete",
    ),
    (
        re.compile(r"Path does not exist|FileNotFoundException|No such file or directory"),
        "FileMissing",
    ),
    (
        re.compile(r"Unrecognized VM option|Could not create the Java Virtual Machine"),
        "JavaRefuses",
    ),
    (re.compile(r"AnalysisException"), "SparkRefuses"),
    (re.compile(r"KMS\.DisabledException|KMSInvalidStateException"), "KeyDisabled"),
    (re.compile(r"AccessDenied|status code: 403|403 Forbidden"), "AccessDenied"),
    (re.compile(r"NoSuchBucket"), "NoSuchBucket"),
)
"""A step's ``FailureDetails.Message``, the end of spark-submit's log and of its driver's: what
Python, Spark, Java and S3 print there."""

PASSING_IN_LOG = re.compile(
    r"SlowDown|ThrottlingException|RequestTimeout|ExecutorLostFailure|Lost connection"
    r"|lost contact|Connection reset|503 Service|500 Internal|transient",
    re.IGNORECASE,
)
"""The same, for what may be gone at the next try."""

WRONG_ARCHIVE_BEFORE = re.compile(r"SHA-256|checksum", re.IGNORECASE)
"""``end.json`` of an instance of a version that told no failure: the step that failed."""

WRONG_USAGE_BEFORE = re.compile(r"exit code 2\b")
"""The same, of a worker that told no end: 2 is wrong usage or configuration."""

DENIED_BEFORE = re.compile(r"\bdenied\b|AccessDenied|Forbidden|\b403\b", re.IGNORECASE)
"""The same: a worker's last sentence, which quotes what S3 or KMS answered."""


def permanent_in_log(text: str) -> str:
    """A word for what stays so at every try; empty if the text tells nothing of the kind."""
    return next((code for pattern, code in _PERMANENT_IN_LOG if pattern.search(text)), "")
