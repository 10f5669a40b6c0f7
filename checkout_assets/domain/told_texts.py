"""Patterns for failures that only a text describes, with the source of each text.

Where a service returns a code, the code decides (spark_jobs.service_codes).
"""

import re

CAPACITY = re.compile(
    r"insufficient.{0,20}capacity|not have (enough|sufficient) capacity|capacity-not-available"
    r"|InstanceFleetTimeout|no spot capacity|InsufficientFreeAddressesInSubnet|SpotMaxPriceTooLow"
    r"|not supported in (your|the) requested Availability Zone|out of capacity for"
    r"|UnfulfillableCapacity",
    re.IGNORECASE,
)
"""No capacity for such instances now: codes and messages of EC2's RunInstances, and EMR's
``StateChangeReason.Message`` and ``ErrorDetails``, which quote EC2's message."""

QUOTA = re.compile(
    r"VcpuLimitExceeded|InstanceLimitExceeded|MaxSpotInstanceCountExceeded|vCPU (limit|capacity)"
    r"|Max spot instance count exceeded|exceeds the EC2 service quota",
    re.IGNORECASE,
)
"""A quota of the account is used up, in the same texts. EMR's sentence comes with INTERNAL_ERROR:
public code that handles it quotes "The number of vCPUs for instance type m5.xlarge exceeds the EC2
service quota for that type"."""

SPOT = re.compile(r"\bspot\b.{0,60}\b(terminat|interrupt|reclaim)\w*", re.IGNORECASE)
"""Spot instances were interrupted, in EMR's ``StateChangeReason.Message``: there is no code."""

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
"""Permanent failures in a step's ``FailureDetails.Message``, and at the end of the logs of
spark-submit and its driver, as Python, Spark, Java and S3 print them."""

PASSING_IN_LOG = re.compile(
    r"SlowDown|ThrottlingException|RequestTimeout|ExecutorLostFailure|Lost connection"
    r"|lost contact|Connection reset|503 Service|500 Internal|transient",
    re.IGNORECASE,
)
"""Transient failures in the same texts."""

WRONG_ARCHIVE_BEFORE = re.compile(r"SHA-256|checksum", re.IGNORECASE)
"""The failed installation step in ``end.json`` of an earlier version, which reported no failure."""

WRONG_USAGE_BEFORE = re.compile(r"exit code 2\b")
"""The same for a worker that reported no end: 2 is wrong usage or configuration."""

DENIED_BEFORE = re.compile(r"\bdenied\b|AccessDenied|Forbidden|\b403\b", re.IGNORECASE)
"""The same for a worker's last sentence, which quotes S3's or KMS's error."""


def permanent_in_log(text: str) -> str:
    """The code of the permanent failure in a log; empty if the text has none."""
    return next((code for pattern, code in _PERMANENT_IN_LOG if pattern.search(text)), "")
