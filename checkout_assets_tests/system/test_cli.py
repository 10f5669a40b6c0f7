"""The command line as people and programs use it: exit codes, what is printed where, one line."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import typer

from checkout_assets.cli.main import COMMANDS, build_app, run
from checkout_assets_tests.fault_proxy import FaultProxy, Request
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

NEIGHBOUR = "0B_CheckoutOrder"
SECRET = f"{FOLDER}/A/id/jane.doe@example.com"


@dataclass(frozen=True)
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        return self.err.strip().splitlines()[-1]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> "Cli":
    return Cli(capsys)


class Cli:
    """Runs command lines in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ended:
        self._capsys.readouterr()
        code = run(arguments)
        out, err = self._capsys.readouterr()
        return Ended(code, out, err)


def copy_words(place: OrdersPlace, *words: str) -> Sequence[str]:
    return ["copy", "--source", place.source.uri, "--raw", place.raw.uri, *words]


def test_copy_says_what_it_did_and_exits_0(cli: Cli, place: OrdersPlace) -> None:
    place.put(f"{FOLDER}/A/id/1")
    place.put(f"{FOLDER}/A/id/sp ace")

    ended = cli(*copy_words(place, FOLDER))

    assert ended.code == 0
    assert ended.out.startswith("1 of 1 folder copied and verified: 2 objects in raw (2 copied")
    assert f"names_are_safe warns of {FOLDER}." in ended.out
    assert ended.err.startswith(f"{FOLDER}: 2 objects, 2 copied, 4 B")


def test_json_is_one_document_and_nothing_else_on_stdout(cli: Cli, place: OrdersPlace) -> None:
    place.put(f"{FOLDER}/A/id/1")

    ended = cli(*copy_words(place, "--json", FOLDER, NEIGHBOUR))

    document = json.loads(ended.out)
    assert ended.code == 1
    assert (document["command"], document["complete"]) == ("copy", False)
    assert [folder["folder"] for folder in document["folders"]] == [FOLDER, NEIGHBOUR]
    assert document["folders"][0]["copied"] == document["totals"]["copied"] == 1
    assert "the source holds nothing" in document["folders"][1]["error"]


def test_the_last_lines_say_what_is_not_complete(cli: Cli, place: OrdersPlace) -> None:
    place.put(f"{FOLDER}/A/id/1")

    ended = cli(*copy_words(place, FOLDER, NEIGHBOUR))

    assert ended.code == 1
    assert "1 of 2 folders is not complete:" in ended.err
    assert ended.last_line.startswith(f"{NEIGHBOUR}: the source holds nothing below")


def test_places_may_come_from_the_environment(
    cli: Cli, place: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", place.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    place.put(f"{FOLDER}/A/id/1")

    assert cli("copy", FOLDER).code == 0


def test_objects_are_masked_unless_names_are_asked_for(
    cli: Cli, place: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put(SECRET)

    def deny(request: Request) -> None:
        if request.is_copy:
            place.delete(SECRET)

    with FaultProxy(os.environ["AWS_ENDPOINT_URL_S3"]).serving() as proxy:
        proxy.rule = deny
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
        masked = cli(*copy_words(place, FOLDER))
        place.put(SECRET)
        told = cli(*copy_words(place, "--show-names", "--as-of", "now", FOLDER))
        place.put(SECRET)
        document = json.loads(cli(*copy_words(place, "--json", "--as-of", "now", FOLDER)).out)

    assert masked.code == told.code == 1
    assert "jane.doe" not in masked.out + masked.err
    assert f"{FOLDER}/[object " in masked.err
    assert f"  {SECRET}: it was deleted at the source" in told.err
    assert "jane.doe" not in json.dumps(document)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["0A_Checkout"], "did you mean 0A_CheckoutOrder?"),
        (["0B_CheckoutOrder..0A_CheckoutOrder"], "runs backwards"),
        ([], "No folder was named"),
        (["--as-of", "yesterday", FOLDER], "with a time zone"),
        (["--raw", "s3://no-such-bucket-here/x", FOLDER], "the bucket does not exist"),
        (["--raw", "/tmp/raw", FOLDER], "is not an S3 URI"),
        (["--source", "", FOLDER], "No source was given"),
        (["--in-flight", "0", FOLDER], "'--in-flight'"),
        (["--no-such-option", FOLDER], "No such option"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    cli: Cli, place: OrdersPlace, words: list[str], said: str
) -> None:
    ended = cli(*copy_words(place, *words))

    assert ended.code == 2
    assert ended.out == ""
    assert said in ended.err
    assert ended.err.startswith("Error: ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["copy", "--raw", "s3://no-such-bucket-here/x", FOLDER], "copy"),
        (["copy", "--no-such-option"], "copy"),
        (["structure", "--raw", "", FOLDER], "structure"),
        (["reconcile", "--lake", "s3:/wrong", FOLDER], "reconcile"),
        (["quarantine", "list", "--lake", "/no/such/lake"], "quarantine list"),
        (["quarantine", "show"], "quarantine show"),
        (["access", "grant", "--days", "x"], "access grant"),
        (["demo", "--days", "x"], "demo"),
        (["no-such-command"], ""),
    ],
)
def test_json_is_one_document_too_when_nothing_could_begin(
    cli: Cli,
    place: OrdersPlace,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    command: str,
) -> None:
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", place.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)

    ended = cli(*words, "--json")

    document = json.loads(ended.out)
    assert ended.code == 2
    assert (document["command"], document["complete"]) == (command, False)
    assert ended.err == f"Error: {document['error']}\n"


def test_a_fault_of_the_program_is_one_line_without_what_strangers_wrote(
    cli: Cli, place: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr("checkout_assets.cli.copy._run", broken)

    ended = cli(*copy_words(place, "--json", FOLDER))

    assert ended.code == 1
    assert json.loads(ended.out)["complete"] is False
    assert ended.err.startswith("Error: ValueError in test_cli.py, line ")
    assert ended.err.endswith(": a fault of the program, please report it.\n")
    assert "jane" not in ended.err + ended.out


@pytest.mark.parametrize(
    "words",
    [
        ["copy", "0A\n_CheckoutOrder"],
        ["copy", "0A\x1b[31m..0B_CheckoutOrder"],
        ["copy", "--source", "s3://bucket/a\nb", FOLDER],
        ["copy", "--as-of", "now\n", FOLDER],
        ["copy", "--run-id", "a\r\nb", FOLDER],
        ["copy", "--no-such\noption\x1b"],
        ["copy", "--in-flight", "1\n2\x07", FOLDER],
        ["copy\nTraceback"],
        ["reconcile", "--lake", "/none\n\u2028/lake\x00", FOLDER],
        ["structure", "--lake", "/etc/passwd\n", FOLDER],
        ["structure", "--vanished", "keep\n", FOLDER],
        ["quarantine", "list", "--lake", "/none\nlake"],
        ["quarantine", "show", "--lake", "/none", FOLDER, "a\nb"],
        ["quarantine", "retry", "--reason", "no\nreason"],
        ["access", "show", "--requester", "a\nb"],
        ["structure", "--lake", "~no-such\nuser/lake", FOLDER],
    ],
)
def test_an_argument_that_does_not_print_breaks_no_line(
    cli: Cli, place: OrdersPlace, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", place.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    monkeypatch.setenv("CHECKOUT_LAKE_URI", str(place.lake.path))

    ended = cli(*words)

    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert ended.err[:-1].isprintable()


def test_stores_inside_one_another_are_refused_before_any_work(
    cli: Cli, place: OrdersPlace
) -> None:
    place.put(f"{FOLDER}/A/id/1")
    inside = f"{place.source.uri}/raw"

    ended = cli("copy", "--source", place.source.uri, "--raw", inside, FOLDER)

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "lie inside one another" in ended.err
    assert place.keys("", place.source) == [f"{FOLDER}/A/id/1"]


def test_an_endpoint_that_does_not_answer_is_told_quickly(
    cli: Cli, place: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")

    ended = cli(*copy_words(place, FOLDER))

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "No S3 server answers at http://127.0.0.1:9" in ended.err


def test_missing_credentials_are_told(
    cli: Cli, place: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    ended = cli(*copy_words(place, FOLDER))

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "No AWS credentials were found" in ended.err


def test_an_unknown_command_is_exit_2(cli: Cli) -> None:
    ended = cli("copi")
    assert (ended.code, ended.err.count("\n")) == (2, 1)


def test_reconcile_names_what_is_missing(cli: Cli, place: OrdersPlace) -> None:
    place.put(f"{FOLDER}/A/id/1")
    place.put("513th/x")
    cli(*copy_words(place, FOLDER))
    lake = str(place.lake.path)
    words = ["reconcile", "--source", place.source.uri, "--raw", place.raw.uri, "--lake", lake]

    ended = cli(*words, FOLDER)
    assert ended.code == 1
    assert f"{FOLDER}: it was not structured." in ended.err
    assert ended.last_line == "1 of 1 folder is not complete."
    assert "Unexpected at the source: 513th/" in ended.out

    document = json.loads(cli(*words, "--json", FOLDER).out)
    assert document["unexpected"] == ["513th/"]
    assert document["folders"][0]["state"] == "red"
    assert document["folders"][0]["causes"][0]["reason"] == "not_structured"


def test_reconcile_without_folders_looks_at_all_and_draws_the_map(
    cli: Cli, place: OrdersPlace
) -> None:
    ended = cli("reconcile", "--raw", place.raw.uri, "--lake", str(place.lake.path))

    assert ended.code == 1
    assert ended.out.startswith("0 of 512 folders complete")
    assert ended.out.count("🟥") == 512
    assert ended.last_line == "512 of 512 folders are not complete."


def test_help_tells_of_every_command_folders_exit_codes_and_variables(cli: Cli) -> None:
    ended = cli("--help")

    assert ended.code == 0
    for told in ("copy", "reconcile", "00_CheckoutOrder..0F_CheckoutOrder", "130", "CHECKOUT_RAW"):
        assert told in ended.out
    for name in COMMANDS:
        own = cli(name, "--help")
        assert own.code == 0
        assert "Examples:" in own.out
        assert f"checkout-assets {name} " in own.out


NEEDED = {
    "quarantine": ("structure",),
    "reconcile": ("orphans",),
    "report": ("reconcile", "orphans"),
}
"""The commands that do some of another one's work."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_imports_no_module_that_only_another_one_needs(name: str) -> None:
    script = (
        "import sys\n"
        "from checkout_assets.cli.main import run\n"
        "code = run(sys.argv[1:])\n"
        "print(*sys.modules, file=sys.stderr)\n"
        "sys.exit(code)\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script, name, "--help"], capture_output=True, text=True, check=True
    )

    loaded = {other for other in COMMANDS if f"checkout_assets.cli.{other}" in ended.stderr.split()}
    assert loaded == {name, *NEEDED.get(name, ())}


def each_command(group: Any, *words: str) -> Iterator[tuple[str, ...]]:
    yield words
    for name, command in getattr(group, "commands", {}).items():
        yield from each_command(command, *words, name)


COMMAND_LINES = list(each_command(typer.main.get_command(build_app())))


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("words", COMMAND_LINES, ids=" ".join)
def test_help_shows_its_examples_as_written(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], columns: int
) -> None:
    """A line each, which begins with a command that exists, as it would be typed."""
    monkeypatch.setenv("COLUMNS", str(columns))

    told = cli(*words, "--help").out

    assert "\b" not in told
    assert "\\b" not in told
    assert max(map(len, told.splitlines())) <= columns
    assert not re.search(r"<list|range>", told), "give the argument a metavar"
    _, has_examples, after = told.partition("\n  Examples:\n")
    assert has_examples or not words
    for example in after.splitlines():
        assert example.startswith("    checkout-assets ")
        typed = example.split()[1:]
        assert any(line and tuple(typed[: len(line)]) == line for line in COMMAND_LINES), example


def test_a_terminal_is_shown_progress_and_stdout_stays_clean(place: OrdersPlace) -> None:
    place.put(f"{FOLDER}/A/id/1")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "checkout_assets.cli.main"]

    copying = subprocess.run(
        [*command, *copy_words(place, "--json", FOLDER)],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)

    assert json.loads(copying.stdout)["complete"] is True
    assert "copying" in shown
    assert "1 of 1 folder done" in shown


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_end_with_130_and_say_how_to_go_on(
    place: OrdersPlace, sent: signal.Signals
) -> None:
    for n in range(4):
        place.put(f"{FOLDER}/A/id/{n}")
    reached, resume = threading.Event(), threading.Event()

    def hold(request: Request) -> None:
        if request.is_copy and request.path.endswith("/3"):
            reached.set()
            resume.wait(30)

    with FaultProxy(os.environ["AWS_ENDPOINT_URL_S3"]).serving() as proxy:
        proxy.rule = hold
        command = [sys.executable, "-m", "checkout_assets.cli.main", *copy_words(place, FOLDER)]
        copying = subprocess.Popen(
            command,
            env={**os.environ, "AWS_ENDPOINT_URL_S3": proxy.endpoint_url},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert reached.wait(30)
        copying.send_signal(sent)
        threading.Timer(0.5, resume.set).start()
        _, told = copying.communicate(timeout=30)

    assert copying.returncode == 130
    assert told.strip().splitlines()[-1].startswith("Interrupted.")
    assert "run the same command again" in told
    assert "Traceback" not in told
    again = place.copy_one(run_id="again")
    assert again.facts.by_status == {"present": 4}
