"""A server that accepts and stays silent is told in the log of the run that waits for it."""

import logging
import re
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from dagster_aws.s3 import S3Resource

from checkout_assets.assets.reconciliation import build_reconciliation
from checkout_assets.resources.engines import LocalCopyResource, ReconcilerResource
from checkout_assets.resources.stores import Stores
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.dagster.conftest import RUNBOOK, Dagster
from checkout_assets_tests.fault_proxy import FaultProxy, Request
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.silent_server import SilentServer, tell_soon

WORDS = re.compile(r"S3 has been silent for \d+ s\.")


@pytest.fixture
def place(aws: EmbeddedS3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OrdersPlace:
    tell_soon(monkeypatch)
    made = OrdersPlace(tmp_path)
    made.put(f"{FOLDER}/A/id/1")
    return made


def stores(place: OrdersPlace) -> Stores:
    return Stores(
        source_uri=place.source.uri,
        raw_uri=place.raw.uri,
        lake_uri=place.lake.uri,
        s3=S3Resource(),
    )


def warnings(dagster: Dagster, run_id: str) -> list[str]:
    told = dagster.instance.all_logs(run_id)
    return [entry.user_message for entry in told if entry.level == logging.WARNING]


SILENT: dict[str, Callable[[Request], bool]] = {
    "the first question": lambda request: "max-keys=1" in request.path,
    "the proof of conditions": lambda request: "_probe" in request.path,
    "the cut-off": lambda request: "as_of.json" in request.path,
    "the listing": lambda request: "prefix=root%2F0A" in request.path,
    "the copies": lambda request: request.is_copy,
}


@pytest.mark.parametrize("silent", SILENT.values(), ids=SILENT)
def test_a_raw_run_says_so(
    place: OrdersPlace, proxy: FaultProxy, dagster: Dagster, silent: Callable[[Request], bool]
) -> None:
    server = SilentServer(proxy, silent, seconds=1)

    engine = LocalCopyResource(stores=stores(place))
    result = dagster.run("raw_orders", {"copy_engine": engine}, [FOLDER])

    assert result.success
    assert server.reached.is_set()
    (told, *_) = warnings(dagster, result.run_id)
    assert WORDS.fullmatch(told)


def test_a_reconciliation_says_so(place: OrdersPlace, proxy: FaultProxy, dagster: Dagster) -> None:
    place.copy_one()
    server = SilentServer(proxy, SILENT["the cut-off"], seconds=1)

    result = dg.materialize(
        [build_reconciliation(RUNBOOK)],
        instance=dagster.instance,
        resources={"reconciler": ReconcilerResource(stores=stores(place))},
        raise_on_error=False,
    )

    assert server.reached.is_set()
    (told, *_) = warnings(dagster, result.run_id)
    assert WORDS.fullmatch(told)
