"""What the definition of an option says besides its name, default and meaning."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OnCommandLine:
    """Annotates a field that commands offer as an option too.

    ``told`` is its help; ``name`` its name without dashes, if it is not the field's.
    """

    told: str
    metavar: str | None = None
    name: str = ""
