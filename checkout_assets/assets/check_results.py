"""Convert a rule's finding to the result of a Dagster check."""

from typing import Any

import dagster as dg

from checkout_assets.assets.runbook import Runbook
from checkout_assets.domain.anomalies import Finding, Severity


def result_of(finding: Finding, runbook: Runbook) -> dict[str, Any]:
    """Return the arguments of a check's result for a finding."""
    errors = finding.severity is Severity.ERROR
    return {
        "check_name": finding.rule,
        "passed": finding.passed,
        "severity": dg.AssetCheckSeverity.ERROR if errors else dg.AssetCheckSeverity.WARN,
        "description": finding.summary,
        "metadata": {
            **{name: dg.MetadataValue.int(count) for name, count in finding.counts.items()},
            "runbook": runbook.line(finding.anchor),
        },
    }
