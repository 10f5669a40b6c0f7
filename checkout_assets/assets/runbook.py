"""Links from Dagster's pages to the sections of the runbook."""

from dataclasses import dataclass

import dagster as dg

RUNBOOK = "docs/runbook.md"


@dataclass(frozen=True, slots=True)
class Runbook:
    """The runbook's URL; without one, sections are named by their path in the repository."""

    url: str = ""

    def link(self, anchor: str) -> str:
        """The URL of a section; empty if the runbook is not served."""
        return f"{self.url}#{anchor}" if self.url else ""

    def line(self, anchor: str) -> dg.MetadataValue[str]:
        """A link to a section, or its path as text."""
        if self.url:
            return dg.MetadataValue.url(self.link(anchor))
        return dg.MetadataValue.text(f"{RUNBOOK}#{anchor}")
