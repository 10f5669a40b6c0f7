"""What documents hold appears in tables, quarantine and nowhere else: no log, event or report.

A card number appears in no table either, whatever it is called.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checkout_assets.cli.main import run as command_line
from checkout_assets.definitions import build_defs
from checkout_assets.engines.structuring.session import LocalSpark
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster_files import DagsterFiles
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.spark_jobs.job_process import SCRIPT, JobProcess
from spark_jobs.contract.order_types import table_of
from spark_jobs.contract.words import NESTED_REASON
from spark_jobs.schema import data_columns
from spark_jobs.schema.redacted_names import folded
from spark_jobs.stores import Store

CHECKOUT, FULFILLMENT = "0A_CheckoutOrder", "0B_FulfillmentOrder"
LOST, CHANGED, TORN = "0C_CheckoutOrder", "0D_CheckoutOrder", "0E_CheckoutOrder"
BROKEN = {LOST, CHANGED, TORN}
VALUE, NAME = "Zq7PlantedValue", "Zq7PlantedName"
CARD = "4012888888881881"
PLANTED = (VALUE.encode(), NAME.encode(), CARD.encode())
CARD_NAMES = (
    "cardNumber", "CREDIT_CARD_NUMBER", "Número do cartão", "numero-de-la-tarjeta", "Card.Nbr",
    "PAN",
)  # fmt: skip
TOO_DEEP = 300
INFO = """\
rootLogger.level = info
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %c: %m%n%ex
"""


def order(folder: str, **changed: object) -> bytes:
    """An order with the marker in every field, whatever the field's type."""
    fields: dict[str, object] = dict.fromkeys(
        (column.source_field for column in data_columns(table_of(folder))), VALUE
    )
    fields |= {"Id": f"{VALUE}-01", "LastChange": f"2018-10-31T{VALUE}", VALUE: VALUE}
    return json.dumps({**fields, **changed}).encode()


def card(name: str) -> list[object]:
    """The card number under a name, in the ways that forms, tables and broken texts write it."""
    member = {name: CARD, "note": VALUE}
    return [
        member,
        {"propertyName": name, "propertyValue": CARD},
        [name, CARD],
        {"columns": ["id", "card number"], "rows": [["1", CARD]]},
        {"card": {"number": CARD, "holder": VALUE}},
        {"number": CARD, "exp_month": 11, "name": VALUE},
        {f"{name}={CARD}": "", json.dumps(member): ""},
        json.dumps(json.dumps([json.dumps(member)])),
        json.dumps(member)[:-1],
        f"{name}={CARD}",
    ]


def card_documents(folder: str) -> dict[str, bytes]:
    """Orders with a card number in a column, in payments and where no column holds it."""
    found = {}
    for name in CARD_NAMES:
        payment = {"id": VALUE, name: CARD, "x": card(name), CARD: {"brand": VALUE}}
        found[f"card {folded(name)}"] = order(
            folder,
            CustomData=json.dumps(card(name)),
            PaymentData=json.dumps({"payments": [payment]}),
            OpenTextField={"value": f"{name}: {CARD}"},
            Items=[{"assemblies": [{"inputValues": {name: CARD, "n": VALUE}}], "x": card(name)}],
            **{name: CARD},
        )
    return found


def documents(folder: str) -> dict[str, bytes]:
    """Documents that fail in every way there is, by the way they fail; and card numbers."""
    whole = order(folder)
    nested = json.dumps([{"id": VALUE, VALUE: VALUE, "price": VALUE, "cardNumber": VALUE}])
    return {
        "rescued": whole,
        "nested": order(folder, Items=nested, PaymentData=nested, Totals=nested),
        "stranger": order(folder, PaymentData=json.dumps({VALUE: {"cardNumber": VALUE}})),
        "torn-nested": order(folder, Items=nested[:-9], PaymentData=nested[:-9]),
        "twice": whole[:-1] + b', "Id": "%s-02", "id": "1"}' % VALUE.encode(),
        "not-utf8": whole[:-1] + b"\xff}",
        "torn": whole[: len(whole) // 2],
        "torn-in-a-value": whole[: whole.rindex(VALUE.encode()) + 5],
        "more-after": whole + VALUE.encode(),
        "not-a-number": whole[:-1] + b', "x": NaN}',
        "half-a-pair": whole[:-1] + b', "x": "%s\\ud800"}' % VALUE.encode(),
        "too-deep": whole[:-1] + b', "x": ' + b"[" * TOO_DEEP + b"]" * TOO_DEEP + b"}",
        "list": json.dumps([VALUE]).encode(),
        "text": json.dumps(VALUE).encode(),
        "no-id": order(folder, Id=None),
        "wrong-id": order(folder, Id={VALUE: VALUE}),
        **card_documents(folder),
        "torn-card": order(folder, cardNumber=CARD)[:-1],
        "no-date": order(folder, LastChange=VALUE, CreationDate=f"2018-02-30 {VALUE}"),
    }


REASONS = {"not_utf8": 1, "not_json": 7, "not_an_object": 2, "no_id": 2, "no_date": 1}


@pytest.fixture
def planted(place: OrdersPlace) -> OrdersPlace:
    """Two folders that can be structured and three that fail after they were copied."""
    for folder in (CHECKOUT, FULFILLMENT):
        for way, body in documents(folder).items():
            place.put(f"{folder}/{NAME}/id/{NAME}-{way}", body)
        place.put(f"{folder}/{NAME}/id/{NAME}/{NAME}", order(folder))
        place.put(f"{folder}/{NAME}/{NAME}", order(folder))
    for folder in BROKEN:
        place.put(f"{folder}/{NAME}/id/{NAME}", order(folder))
    place.copy(CHECKOUT, FULFILLMENT, *BROKEN)
    place.delete(f"{LOST}/{NAME}/id/{NAME}", place.raw)
    place.put(f"{CHANGED}/{NAME}/id/{NAME}", order(CHANGED, Items="changed"), place.raw)
    record = place.record(TORN)
    assert record is not None
    place.put(f"_manifests/{TORN}/{record.copy_id}/{record.parts[0].name}", b"PAR1", place.raw)
    return place


def assert_nothing_planted(where: str, told: bytes) -> None:
    for marker in PLANTED:
        at = told.find(marker)
        assert at < 0, f"{where}: {told[max(0, at - 300) : at + 100]!r}"


def test_no_log_report_or_record_of_the_real_job_holds_what_documents_do(
    planted: OrdersPlace, tmp_path: Path
) -> None:
    """Spark logs all it can here, and keeps its event log."""
    talkative, events = tmp_path / "log4j2.properties", tmp_path / "events"
    talkative.write_text(INFO)
    events.mkdir()
    lake = planted.lake.open()
    folders = [CHECKOUT, FULFILLMENT, *sorted(BROKEN)]
    job = JobProcess(
        tmp_path / "job.log",
        [str(SCRIPT), "--raw", planted.raw.uri, "--lake", lake.uri, "--run-id", "r1", *folders],
        planted.client.meta.endpoint_url,
        conf={
            "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={talkative.as_uri()}",
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": events.as_uri(),
        },
    )
    assert job.end() == 1, job.told
    assert "INFO org.apache.spark" in job.told
    for folder in BROKEN:
        assert f"\n{folder}: " in job.told
        assert "Copy the folder again" in job.told
    told = {path.name: path.read_bytes() for path in events.rglob("*") if path.is_file()}
    assert any(b"SparkListenerJobEnd" in body for body in told.values())
    told |= {"what the job printed": job.log.read_bytes()}
    for prefix in ("_published/", "_results/"):
        told |= {entry.key: lake.get(entry.key).data for entry in lake.list(prefix)}
    told |= {
        key: planted.get(key)["bytes"]
        for key in planted.keys("_manifests/")
        if key.endswith(".json")
    }
    assert len(told) >= 2 + 2 + len(folders) + len(folders)
    for where, body in told.items():
        assert_nothing_planted(where, body)
    for folder in (CHECKOUT, FULFILLMENT):
        assert_all_is_kept(planted.lake.open(), folder)


def assert_all_is_kept(lake: Store, folder: str) -> None:
    """The markers are where they belong, so that the search for them elsewhere means something."""
    quarantine = list(rows(lake, f"quarantine/{table_of(folder)}/{folder}/"))
    counted = dict.fromkeys((*REASONS, NESTED_REASON), 0)
    for row in quarantine:
        counted[row["reason"]] += 1
        assert VALUE.encode() in row["body"]
        assert NAME in row["source_key"]
        assert VALUE not in row["detail"]
    assert counted == {**REASONS, NESTED_REASON: 1}
    table = list(rows(lake, f"consumable_tables/{table_of(folder)}/"))
    assert len(table) == len(documents(folder)) - sum(REASONS.values())
    for row in table:
        assert VALUE in str(row["_rescued"])
        assert CARD not in str(row)


def rows(lake: Store, prefix: str) -> Iterator[dict[str, Any]]:
    for entry in lake.list(prefix):
        yield from pq.read_table(pa.BufferReader(lake.get(entry.key).data)).to_pylist()


@pytest.fixture
def end_spark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Spark lives through all command lines, of which each starts one, and ends with this call."""
    close = LocalSpark.close
    monkeypatch.setattr(LocalSpark, "close", LocalSpark.cancel)
    yield lambda: close(LocalSpark({}))
    close(LocalSpark({}))


def test_no_command_prints_what_documents_hold_or_how_they_are_named(
    planted: OrdersPlace,
    capfdbinary: pytest.CaptureFixture[bytes],
    end_spark: Callable[[], None],
) -> None:
    source, raw = ["--source", planted.source.uri], ["--raw", planted.raw.uri]
    lake = ["--lake", planted.lake.uri]
    chosen = [CHECKOUT, FULFILLMENT, *sorted(BROKEN)]
    commands = {
        "structure": ["structure", *raw, *lake],
        "structure --json": ["structure", *raw, *lake, "--json"],
        "quarantine": ["quarantine", "list", *lake, "--objects"],
        "quarantine --json": ["quarantine", "list", *lake, "--objects", "--json"],
        "retry": ["quarantine", "retry", *raw, *lake],
        "reconcile": ["reconcile", *source, *raw, *lake, "--deep"],
        "reconcile --json": ["reconcile", *source, *raw, *lake, "--json"],
        "copy": ["copy", *source, *raw, "--as-of", "now"],
    }
    for name, words in commands.items():
        capfdbinary.readouterr()
        code = command_line([*words, *chosen])
        out, err = capfdbinary.readouterr()
        assert code == (0 if name == "copy" else 1), (name, err)
        assert CHECKOUT.encode() in out + err
        assert_nothing_planted(name, out + err)
    end_spark()
    out, err = capfdbinary.readouterr()
    assert_nothing_planted("the end of Spark", out + err)


def test_no_event_of_a_dagster_run_holds_what_documents_do(
    planted: OrdersPlace,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    dagster_files: DagsterFiles,
) -> None:
    home = tmp_path / "dagster"
    defs = build_defs(
        Settings(
            source_uri=planted.source.uri,
            raw_uri=planted.raw.uri,
            lake_uri=planted.lake.uri,
            spark_master="local[2]",
        )
    )
    job = defs.resolve_implicit_global_asset_job_def()
    with dagster_files.instance(home) as instance:
        for asset in ("structured_orders", "reconciliation"):
            ended = job.execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(asset)],
                tags={
                    "dagster/asset_partition_range_start": CHECKOUT,
                    "dagster/asset_partition_range_end": TORN,
                }
                if asset == "structured_orders"
                else {},
                raise_on_error=False,
            )
            logged = [dg.serialize_value(entry) for entry in instance.all_logs(ended.run_id)]
            assert len(logged) > len(BROKEN)
            assert_nothing_planted(asset, "\n".join(logged).encode())
    for path in home.rglob("*"):
        if path.is_file():
            assert_nothing_planted(path.name, path.read_bytes())
    out, err = capfdbinary.readouterr()
    assert_nothing_planted("what the runs printed", out + err)
