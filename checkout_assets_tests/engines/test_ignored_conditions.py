"""A store that ignores conditional writes, or refuses them, is refused before anything is done."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from checkout_assets.cli.main import run
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.engines.conditions import refuse_ignored_conditions
from checkout_assets.engines.locations import S3Location
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request, Rule
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs import structure_orders
from spark_jobs.contract.keys import PROBES_IN_LAKE, PROBES_IN_RAW, result_key
from spark_jobs.contract.results import FolderStructured
from spark_jobs.stores import open_store

CONDITIONS = {"If-None-Match": "if-none-match", "If-Match": "if-match"}


@pytest.fixture
def filled(place: OrdersPlace, proxy: FaultProxy) -> OrdersPlace:
    for n in range(3):
        place.put(f"{FOLDER}/A/id/{n}", f"body {n}".encode())
    return place


def ignores(proxy: FaultProxy, header: str) -> Rule:
    """A server that writes whatever this condition says."""

    def rule(request: Request) -> Answer | None:
        if request.method != "PUT" or header not in request.headers:
            return None
        left = {name: value for name, value in request.headers.items() if name != header}
        return proxy.forward(replace(request, headers=left))

    return rule


def refuses(_: FaultProxy, header: str) -> Rule:
    """A server that does not know this condition."""
    unknown = Answer(501, "NotImplemented")
    return lambda r: unknown if r.method == "PUT" and header in r.headers else None


def answers(status: int, code: str, body: bytes | None = None) -> Callable[..., Rule]:
    """A server that refuses what it does not know in another way."""
    refused = Answer(status, code, exact=body)
    return lambda _, header: (
        lambda r: refused if r.method == "PUT" and header in r.headers else None
    )


@pytest.mark.parametrize(
    "server",
    [
        ignores,
        refuses,
        answers(400, "InvalidArgument"),
        answers(400, "", b"no XML"),
        answers(405, "MethodNotAllowed"),
        answers(405, "", b""),
        answers(501, "", b""),
    ],
)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_copying_is_refused_before_anything_is_written(
    filled: OrdersPlace,
    proxy: FaultProxy,
    server: Callable[[FaultProxy, str], Rule],
    condition: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    proxy.rule = server(proxy, CONDITIONS[condition])

    code = run(["copy", "--source", filled.source.uri, "--raw", filled.raw.uri, FOLDER])

    assert code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"The S3 server of {filled.raw.uri} does not honour {condition}" in line
    assert "does not support conditional writes" in line
    assert filled.keys() == []


def test_a_run_asks_a_handful_of_requests_and_leaves_nothing(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    assert filled.copy(FOLDER, "0B_CheckoutOrder")[FOLDER].ok

    probes = [r for r in proxy.seen if PROBES_IN_RAW in r.path or r.method == "POST"]
    assert len(probes) == 6
    assert not filled.keys(PROBES_IN_RAW)


def test_a_probe_that_may_not_be_removed_is_no_failure(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    proxy.rule = lambda r: Answer(403, "AccessDenied") if r.method == "POST" else None

    assert filled.copy_one(run_id="1").ok
    assert filled.copy_one(run_id="2").facts.by_status == {"present": 3}
    assert len(filled.keys(PROBES_IN_RAW)) == 2


def test_an_honest_server_that_asks_to_try_again_is_not_refused(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    conflicts = [Answer(409, "ConditionalRequestConflict")] * 2
    proxy.rule = lambda r: conflicts.pop() if conflicts and PROBES_IN_RAW in r.path else None

    assert filled.copy_one().ok
    assert not conflicts


@pytest.mark.parametrize("status", [400, 403, 405])
def test_what_any_write_is_answered_with_is_not_blamed_on_the_condition(
    filled: OrdersPlace, proxy: FaultProxy, status: int
) -> None:
    refused = Answer(status, "KMS.Something")
    proxy.rule = lambda r: refused if r.method == "PUT" and PROBES_IN_RAW in r.path else None

    with pytest.raises(MigrationError, match=r"raw cannot be written to below .*Something"):
        filled.copy_one()


def test_a_raw_that_cannot_be_written_to_is_one_sentence(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    proxy.rule = lambda r: Answer(403, "AccessDenied") if PROBES_IN_RAW in r.path else None

    with pytest.raises(MigrationError, match=r"raw cannot be written to below .*AccessDenied"):
        filled.copy_one()


def test_structuring_into_such_a_lake_is_refused_before_spark_starts(
    filled: OrdersPlace,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert filled.copy_one().ok
    proxy.rule = ignores(proxy, "if-none-match")
    monkeypatch.setattr(
        "checkout_assets.engines.structuring.session.LocalSpark.session", lambda _: 1 / 0
    )
    lake = f"s3://{filled.raw.bucket}/lake"

    code = run(["structure", "--raw", filled.raw.uri, "--lake", lake, FOLDER])

    assert code == 2
    assert f"The S3 server of {lake} does not honour If-None-Match" in capsys.readouterr().err


def test_the_job_on_a_cluster_refuses_such_a_lake_and_leaves_the_reason(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    proxy.rule = ignores(proxy, "if-match")
    lake = f"s3://{filled.raw.bucket}/lake"

    code = structure_orders.main(
        ["--raw", filled.raw.uri, "--lake", lake, "--run-id", "run", FOLDER]
    )

    assert code == 2
    told = FolderStructured.from_json(open_store(lake).get(result_key(FOLDER, "run")).data)
    assert "does not honour If-Match" in told.error


def test_a_disk_needs_no_proof(place: OrdersPlace) -> None:
    refuse_ignored_conditions(place.lake.open(), "lake", PROBES_IN_LAKE)
    assert not place.lake.path.exists()


def test_the_sentence_names_the_place(filled: OrdersPlace, proxy: FaultProxy) -> None:
    proxy.rule = ignores(proxy, "if-none-match")
    place = S3Location(filled.raw.bucket, "deep/er/")
    with pytest.raises(UsageError, match=f"s3://{filled.raw.bucket}/deep/er does not honour"):
        refuse_ignored_conditions(place.open(), "lake", PROBES_IN_LAKE)
