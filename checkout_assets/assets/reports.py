"""The report that a reconciliation leaves in the lake, and the link to it that opens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from logging import Logger
from typing import Any

import dagster as dg

from checkout_assets.assets.runbook import Runbook
from checkout_assets.assets.uris import absolute_uri
from checkout_assets.domain.reconciliation import FolderReconciled
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome
from checkout_assets.engines.reporting.leaving import Left, leave_report
from checkout_assets.engines.reporting.page import Report
from checkout_assets.resources.stores import Stores


@dataclass(frozen=True, slots=True)
class Reports:
    """Leaves reports; ``url`` is where the lake's reports are served, if they are."""

    runbook: Runbook
    url: str = ""

    def leave(
        self,
        stores: Stores,
        outcome: ReconciliationOutcome,
        folders: Sequence[FolderReconciled],
        history: Sequence[ReconciliationOutcome],
        log: Logger,
    ) -> Left:
        """Keep the report in the lake; one that cannot be kept is told and ends nothing."""
        places = {"source": stores.source_uri, "raw": stores.raw_uri, "lake": stores.lake_uri}
        report = Report(
            outcome, folders, places=places, runbook_url=self.runbook.url, history=history
        )
        left = leave_report(stores.lake(), report, datetime.now(UTC), stores.on_silence)
        if left.problem:
            log.warning(left.problem)
        return left

    def metadata(self, left: Left) -> dict[str, Any]:
        """The link, and the file."""
        if left.problem:
            return {"report": dg.MetadataValue.text(left.problem)}
        link = f"{self.url.rstrip('/')}/{left.name}" if self.url else left.console_url
        file = dg.MetadataValue.path(absolute_uri(left.uri))
        return {"report": dg.MetadataValue.url(link) if link else file, "report_file": file}
