"""Stores of both kinds, so that a test of one is a test of the other."""

from pathlib import Path

import pytest

from spark_jobs.stores import LocalStore, Store


@pytest.fixture(params=["disk"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store."""
    return LocalStore(tmp_path / "lake")
