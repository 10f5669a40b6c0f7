"""Sentences that hold a count; the Spark job's are made in the same way."""

from spark_jobs.contract.counting import counted, in_number, part_of

__all__ = ["counted", "in_number", "of_folders", "part_of"]


def of_folders(part: int, whole: int, rest: str = "") -> str:
    """For example ``1 of 3 folders is not complete``."""
    return part_of(part, whole, "folder", rest)
