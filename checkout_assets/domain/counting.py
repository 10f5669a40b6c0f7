"""Format counts for sentences and tables; the Spark job formats its own in the same way."""

from spark_jobs.contract.counting import counted, in_number, part_of

__all__ = ["byte_size", "counted", "in_number", "of_folders", "part_of"]

_KILO = 1000


def of_folders(part: int, whole: int, rest: str = "") -> str:
    """For example ``1 of 3 folders is not complete``."""
    return part_of(part, whole, "folder", rest)


def byte_size(count: int) -> str:
    """For example ``12.3 MB``."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < _KILO:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _KILO
    return f"{size:.1f} TB"
