"""What a copy shows of itself while it runs, and at its end."""

import io
import json
import time

import pytest
from rich.console import Console

from checkout_assets.cli import copy_progress
from checkout_assets.cli.copy_progress import Bars, Counts, Lines
from checkout_assets.cli.main import run
from checkout_assets.domain.folders import select_folders
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

FIRST, SECOND, THIRD = select_folders(["00_CheckoutOrder..02_CheckoutOrder"])


def test_remaining_time_counts_what_folders_held_before(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(copy_progress, "monotonic", lambda: clock[0])
    counts = Counts(3)
    assert counts.remaining_seconds() is None
    counts.begin(FIRST, 1000)
    counts.begin(SECOND, 0)
    clock[0] = 10.0
    counts.add(FIRST, 500, 5000, 100)

    # 500 left of the first, and 1,000 of each of the others, which are taken to be like it.
    assert counts.rate == 50
    assert counts.remaining_seconds() == pytest.approx((500 + 1000 + 1000) / 50)
    counts.add(FIRST, 500, 5000, 0)
    counts.end(FIRST)
    assert counts.remaining_seconds() == pytest.approx((1000 + 1000) / 100)
    assert counts.line() == (
        "1 of 3 folders done, 1,000 objects (100 copied), 10.0 kB, 100/s, about 20 s left"
    )
    counts.add(SECOND, 10, 70, 10)
    assert counts.lines() == ["01_CheckoutOrder: 10 objects, 70 B"]


@pytest.mark.parametrize("watching", [Bars, Lines])
def test_what_is_watched_is_told(
    watching: type[Bars] | type[Lines],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=200)
    monkeypatch.setattr(copy_progress, "terminal", lambda: console)
    progress = Bars(2) if watching is Bars else Lines(2, every_seconds=0)
    with progress:
        progress.on_folder_begun(FIRST, 20)
        progress.on_objects(FIRST, 10, 1000, 10)
        time.sleep(0.5)  # two drawings of the bars
        progress.on_folder(FIRST, "")
    told = screen.getvalue() + capsys.readouterr().err
    assert "10 objects (10 copied)" in told
    assert "00_CheckoutOrder: 10 of about 20 objects, 1.0 kB" in told


@pytest.mark.parametrize("watching", [Bars, Lines])
def test_silence_is_told_until_it_ends(
    watching: type[Bars] | type[Lines],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=200)
    monkeypatch.setattr(copy_progress, "terminal", lambda: console)
    drawn: list[str] = []
    with watching(2) as progress:
        if isinstance(progress, Bars):
            assert progress._progress is not None
            monkeypatch.setattr(
                progress._progress, "update", lambda _, **told: drawn.append(told["told"])
            )
        progress.on_folder_begun(FIRST, 20)
        progress.on_silence(12.4)
        progress.on_silence(13.4)
        progress.on_silence(0.0)
        progress.on_folder(FIRST, "")
    lines = [*drawn, *capsys.readouterr().err.splitlines()]
    told = [line for line in lines if "S3 has been silent for 12 s" in line]
    assert len(told) == 1
    assert "silent" not in drawn[-1] if drawn else len(lines) == 1


def copy(
    place: OrdersPlace, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, str, str]:
    code = run(["copy", "--source", place.source.uri, "--raw", place.raw.uri, *more])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_the_end_is_a_table_of_folders(
    place: OrdersPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    place.put(f"{FOLDER}/A/id/1", b"x" * 10)
    code, out, err = copy(place, capsys, FOLDER, "0B_CheckoutOrder")
    assert code == 1
    total, head, first, second = (out.splitlines()[n] for n in (0, -3, -2, -1))
    assert head.split() == [
        "folder", "complete", "copied", "present", "failed", "size", "rate", "time",
    ]  # fmt: skip
    assert first.split()[:7] == [FOLDER, "yes", "1", "0", "0", "10", "B"]
    assert second.split()[:5] == ["0B_CheckoutOrder", "NO", "0", "0", "0"]
    assert total.startswith("1 of 2 folders copied and verified")
    assert "1 of 2 folders is not complete" in err


def test_json_is_the_only_thing_on_standard_output(
    place: OrdersPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    place.put(f"{FOLDER}/A/id/1", b"x" * 10)
    code, out, _ = copy(place, capsys, FOLDER, "--json", "--storage-class", "STANDARD_IA")
    assert code == 0
    assert json.loads(out)["totals"]["copied_bytes"] == 10


@pytest.mark.parametrize("option", ["--encryption", "--raw-account", "--copy-role-arn"])
def test_wrong_terms_end_with_2_and_one_line(
    place: OrdersPlace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    option: str,
) -> None:
    code, out, err = copy(place, capsys, FOLDER, option, "wrong")
    assert (code, out, err.count("\n")) == (2, "", 1)
    monkeypatch.setenv(f"CHECKOUT{option[1:].replace('-', '_').upper()}", "wrong")
    assert copy(place, capsys, FOLDER) == (2, "", err)
