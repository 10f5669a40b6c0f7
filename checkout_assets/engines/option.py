"""Metadata of options besides name, default and description."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OnCommandLine:
    """Marks a field that commands also offer as an option.

    ``told`` is its help text; ``name`` its name without dashes, if it differs from the field's.
    """

    told: str
    metavar: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class MayBePath:
    """Annotates a text field that may name a file or a directory of this machine."""
