"""Hours pass, and many clusters ask at once: no limit of time is hit, and no quota of EMR's."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.domain.slices import slices
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.emr.api import EmrApi
from checkout_assets_tests.emr_place import SIX, EmrPlace
from checkout_assets_tests.local_emr.api_server import QUOTAS, EmrApiServer
from checkout_assets_tests.local_emr.commands import one_line_script
from checkout_assets_tests.local_emr.local_emr import LocalEmr

HOUR = 3600.0
CLUSTERS, STEPS = 32, 16
TIMES_FASTER = 40


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


class FakeClock:
    """Time passes only by waiting; after four hours the cluster begins to work."""

    def __init__(self, emr: LocalEmr) -> None:
        self.now = 0.0
        self._emr = emr

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= 4 * HOUR:
            self._emr.frozen = False
            time.sleep(0.02)

    def between(self, least: float, most: float) -> float:
        return random.uniform(least, most)


class ScaledClock:
    """The real one, faster."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> float:
        return (time.monotonic() - self._began) * TIMES_FASTER

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / TIMES_FASTER)

    def between(self, least: float, most: float) -> float:
        return random.uniform(least, most)


def test_a_run_of_four_hours_hits_no_limit(tmp_path: Path) -> None:
    with LocalEmr(one_line_script, frozen=True).running() as emr:
        clock = FakeClock(emr)
        told = list(EmrPlace(emr, tmp_path).engine(clock=clock).run(SIX, "run"))
        assert all(each.ok for each in told)
        assert len(told) == len(SIX)
        assert clock.now > 4 * HOUR
        assert emr.api.calls["ListSteps"] < 1.3 * clock.now / 90
        assert len(emr.clusters) == 1
        assert emr.living() == []


@pytest.mark.slow
def test_32_clusters_of_16_steps_stay_within_the_quotas(tmp_path: Path) -> None:
    """Each step takes about half a minute of the scaled time."""
    clock = ScaledClock()

    def command(arguments: Sequence[str], at: Path) -> Sequence[str]:
        return one_line_script(arguments, at, before=f"sleep {30 / TIMES_FASTER}")

    with LocalEmr(command, api=EmrApiServer(now=clock.now)).running() as emr:
        place = EmrPlace(emr, tmp_path)

        def one_run(numbered: tuple[int, Sequence[Folder]]) -> Counter[bool]:
            number, folders = numbered
            results = place.engine(clock=clock).run(folders, f"run-{number}")
            return Counter(each.ok for each in results)

        with ThreadPoolExecutor(CLUSTERS) as pool:
            told = list(pool.map(one_run, enumerate(slices(ALL_FOLDERS, STEPS))))
        seconds = clock.now()
        assert sum(told, Counter()) == {True: CLUSTERS * STEPS}
        assert len(emr.clusters) == CLUSTERS
        assert all(len(cluster.steps) == STEPS for cluster in emr.clusters)
        assert emr.living() == []
        print_figures(emr, seconds)
        for operation, (burst, refill) in QUOTAS.items():
            assert emr.api.calls[operation] <= burst + refill * seconds, operation
        assert emr.api.throttled["RunJobFlow"] <= 2 * CLUSTERS
        followed = emr.api.calls.total() - emr.api.calls["RunJobFlow"]
        assert emr.api.throttled.total() - emr.api.throttled["RunJobFlow"] <= 0.05 * followed


def print_figures(emr: LocalEmr, seconds: float) -> None:
    """Shown by ``pytest -s``."""
    import sys

    sys.stdout.write(
        f"\n{len(emr.clusters)} clusters in {seconds:.0f} s of scaled time; calls "
        f"{dict(emr.api.calls)}, throttled {dict(emr.api.throttled)}\n"
    )


def test_a_list_of_steps_that_repeats_itself_is_refused() -> None:
    class Client:
        def list_steps(self, **_: object) -> dict[str, object]:
            return {"Steps": [], "Marker": "again"}

    client: Any = Client()
    with pytest.raises(AwsRequestError, match="repeats itself"):
        list(EmrApi(client, client, dict).steps("j-1"))
