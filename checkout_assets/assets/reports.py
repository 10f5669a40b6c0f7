"""The report of a reconciliation in the lake, and the link to it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from logging import Logger
from typing import Any

import dagster as dg

from checkout_assets.assets.runbook import Runbook
from checkout_assets.assets.uris import absolute_uri
from checkout_assets.engines.reporting.leaving import Left, leave_report
from checkout_assets.engines.reporting.page import Report
from checkout_assets.resources.stores import Stores


@dataclass(frozen=True, slots=True)
class Reports:
    """Stores reports; ``url`` is the URL of the lake's reports, if they are served."""

    runbook: Runbook
    url: str = ""

    def leave(self, stores: Stores, report: Report, log: Logger) -> Left:
        """Store the report with its links in the lake; a failure is logged and not raised."""
        linked = replace(report, runbook_url=self.runbook.url)
        left = leave_report(stores.lake(), linked, datetime.now(UTC), stores.on_silence)
        if left.problem:
            log.warning(left.problem)
        return left

    def metadata(self, left: Left) -> dict[str, Any]:
        """Metadata with the report's link and file."""
        if left.problem:
            return {"report": dg.MetadataValue.text(left.problem)}
        link = f"{self.url.rstrip('/')}/{left.name}" if self.url else left.console_url
        file = dg.MetadataValue.path(absolute_uri(left.uri))
        return {"report": dg.MetadataValue.url(link) if link else file, "report_file": file}
