"""Structure copied folders: read raw by exact key, conform, write Parquet, publish exactly once."""

from __future__ import annotations

from spark_jobs.job.run import structure_folders
from spark_jobs.job.staging import StructureJob

__all__ = ["StructureJob", "structure_folders"]
