"""The members that the cleanings remove; those that redaction drops are in ``redacted_names``.

Both apply at any depth of every value that is or parses as JSON, and both are counted by path.
"""

from __future__ import annotations

from typing import FrozenSet, Tuple

CLEANED_IF_CONTAINING = "attachment"
"""Every key that contains this text, in any case, is removed."""

CLEANED_BELOW: Tuple[Tuple[str, ...], ...] = (
    ("itemmetadata", "items", "assemblyoptions"),
    ("ratesandbenefitsdata", "rateandbenefitsidentifiers", "matchedparameters"),
    ("ratesandbenefitsdata", "rateandbenefitsidentifiers", "additionalinfo"),
    ("customdata", "customapps", "fields", "cart-extra-context"),
)
"""Keys removed at exactly these paths, in any case; list indices are ignored."""

CLEANED_NAMES: FrozenSet[str] = frozenset(place[-1] for place in CLEANED_BELOW) | {
    "attachment", "attachments", "attachmentofferings", "changesattachment", "itemattachment",
    "itemattachments", "packageattachment", "packageattachments",
}  # fmt: skip
"""Names of removed members that records may show; any other name may be personal."""
