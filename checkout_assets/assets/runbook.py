"""Links from what Dagster shows to the line of the runbook that says what to do."""

from dataclasses import dataclass

import dagster as dg

RUNBOOK = "docs/runbook.md"


@dataclass(frozen=True, slots=True)
class Runbook:
    """Where the runbook is served; without a URL its place in the repository is named."""

    url: str = ""

    def line(self, anchor: str) -> dg.MetadataValue[str]:
        """A link to a section, or its place as text."""
        if self.url:
            return dg.MetadataValue.url(f"{self.url}#{anchor}")
        return dg.MetadataValue.text(f"{RUNBOOK}#{anchor}")
