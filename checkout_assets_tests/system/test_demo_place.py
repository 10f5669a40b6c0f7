"""Where a demo keeps its things."""

import errno
import io
import os
import shutil
import socket
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import yaml
from dagster import AssetKey
from dagster._utils.error import SerializableErrorInfo
from rich.console import Console

from checkout_assets.demo import backfill
from checkout_assets.demo.place import DemoPlace
from checkout_assets.demo.stages import Stages
from checkout_assets.demo.story import tell
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.sample.source import SampleOptions


def test_the_runbook_has_a_port_of_its_own_that_stays(tmp_path: Path) -> None:
    """Beside another demo, whose runbook is being served."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        first, second = DemoPlace(tmp_path / "first"), DemoPlace(tmp_path / "second")
        first.prepare()
        with socket.socket() as serving:
            serving.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            serving.bind(("127.0.0.1", first.runbook_port))
            serving.listen()
            second.prepare()
    assert second.runbook_port != first.runbook_port
    assert DemoPlace(tmp_path / "second").runbook_port == second.runbook_port
    linked = second.environment()["CHECKOUT_RUNBOOK_URL"]
    assert linked == f"http://127.0.0.1:{second.runbook_port}/runbook.html"


@pytest.mark.parametrize(("documents", "needed"), [(5000, 410), (20_000, 1_460)])
def test_a_disk_with_too_little_room_is_named_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, documents: int, needed: int
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=12_345_678))
    with pytest.raises(UsageError) as raised:
        DemoPlace(tmp_path / "demo").prepare(documents)
    assert str(raised.value) == (
        f"The demo needs about {needed:,} MB in {tmp_path / 'demo'}, and 12 MB are free there: "
        "make room, or choose another --directory."
    )


def test_a_disk_that_takes_no_byte_is_named_by_the_demo_that_meets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)
    place = DemoPlace(tmp_path / "demo")
    with pytest.raises(MigrationError) as raised:
        tell(place, SampleOptions(), Stages(Console(file=io.StringIO())))
    assert f"The demo in {place.root}: " in str(raised.value)
    assert "No space left on device" in str(raised.value)


def test_the_end_of_a_backfill_names_the_directory_of_its_databases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "sqlite3.OperationalError: database or disk is full\n(Background on this error)"
    broken = SerializableErrorInfo(said, [], "OperationalError")
    monkeypatch.setattr(backfill, "execute_backfill_iteration", lambda *_: [broken])
    monkeypatch.setattr(backfill.PartitionBackfill, "from_asset_partitions", MagicMock())
    workspace = MagicMock()
    workspace.instance.root_directory = str(tmp_path)
    with pytest.raises(MigrationError) as raised:
        backfill.InProcessDagster(workspace).backfill([AssetKey("a")], "copy")
    assert str(raised.value) == (
        "The backfill failed: sqlite3.OperationalError: database or disk is full. Its databases "
        f"are in {tmp_path}."
    )


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:///runs.db", "its URL does not begin with postgresql://"),
        ("postgresql://me:secret@127.0.0.1:port/demo", "its port is not a number"),
        ("postgresql://me:secret@127.0.0.1:1/demo", 'connection to server at "127.0.0.1", port 1'),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, url: str, reason: str
) -> None:
    place = DemoPlace(tmp_path / "demo")
    with pytest.raises(UsageError) as raised:
        tell(place, SampleOptions(), Stages(Console(file=io.StringIO())), url)
    told = str(raised.value)
    assert told.startswith("The database of --database cannot be used: ")
    assert reason in told
    assert "secret" not in told
    assert "\n" not in told
    assert not place.root.exists(), "an earlier demo would be gone"


def test_the_url_of_the_database_is_kept_for_this_user_alone(tmp_path: Path) -> None:
    place, url = DemoPlace(tmp_path / "demo"), 'postgresql://me:a"b@127.0.0.1/demo'
    place.prepare(database=url)
    config = place.dagster_home / "dagster.yaml"
    storage = yaml.safe_load(config.read_text())["storage"]["custom"]
    assert storage["config"] == {"postgres_url": url}
    assert config.stat().st_mode & 0o077 == 0
