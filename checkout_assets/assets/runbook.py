"""Links from what Dagster shows to the line of the runbook that says what to do."""

from dataclasses import dataclass

import dagster as dg

RUNBOOK = "docs/runbook.md"


@dataclass(frozen=True, slots=True)
class Runbook:
    """Where the runbook is served; without a URL its place in the repository is named."""

    url: str = ""

    def link(self, anchor: str) -> str:
        """The URL of a section; empty if the runbook is not served."""
        return f"{self.url}#{anchor}" if self.url else ""

    def line(self, anchor: str) -> dg.MetadataValue[str]:
        """A link to a section, or its place as text."""
        if self.url:
            return dg.MetadataValue.url(self.link(anchor))
        return dg.MetadataValue.text(f"{RUNBOOK}#{anchor}")
