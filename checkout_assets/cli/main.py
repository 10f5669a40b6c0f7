"""The command line: registers the commands and turns every outcome into an exit code.

0: everything requested is complete and verified; 1: something is not; 2: wrong usage or
configuration; 130: interrupted.
"""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer

from checkout_assets.cli.console import print_json, print_lines, say
from checkout_assets.cli.help_texts import FOLDER_HELP
from checkout_assets.cli.interrupts import (
    INTERRUPTED,
    SENTENCE,
    ignore_interrupts,
    interrupt_twice,
)
from checkout_assets.cli.streams import Channel, guard_streams
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.faults import explain_fault

COMMANDS = (
    "plan",
    "copy",
    "structure",
    "tables",
    "query",
    "catalog",
    "reconcile",
    "report",
    "quarantine",
    "orphans",
    "access",
    "deploy",
    "doctor",
    "alerts",
    "demo",
)
"""The commands in the order of the help. Each is a module of this package with the same name and a
function ``register(app)``. Add a new command here.
"""

_COMPLETE, _INCOMPLETE, _WRONG_USAGE = 0, 1, 2
_JSON = "--json"
_EPILOG = f"""{FOLDER_HELP}\b
Exit codes:
  0    everything is complete and verified
  1    something is not; the last lines say what
  2    wrong usage or configuration
  130  interrupted

\b
Options also come from the environment, such as CHECKOUT_SOURCE_URI,
CHECKOUT_RAW_URI and CHECKOUT_LAKE_URI; the help of a command names the
variable of each option. Credentials, region and endpoint come from AWS's
variables, such as AWS_PROFILE, AWS_REGION and AWS_ENDPOINT_URL_S3.
"""


def _tell_version(asked: bool) -> None:
    if asked:
        print_lines([f"checkout-assets {version('checkout-assets')}"])
        raise typer.Exit


def build_app(arguments: Sequence[str] = ()) -> typer.Typer:
    """The command line with only the command in the arguments; with all if there is none.

    So the modules of other commands are not imported, which would take a fifth of the start time.
    """
    app = typer.Typer(
        name="checkout-assets",
        help="Copy order documents between S3 accounts, structure them as Parquet tables, and "
        "prove that nothing is missing.",
        epilog=_EPILOG,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_common)
    for command in _command_modules(arguments):
        command.register(app)
    return app


def _command_modules(arguments: Sequence[str]) -> list[Any]:
    named = [name for name in COMMANDS if name in arguments[:1]]
    return [import_module(f"checkout_assets.cli.{name}") for name in named or COMMANDS]


def _common(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_tell_version),
    ] = False,
) -> None:
    """Options that precede a command."""


@dataclass(frozen=True, slots=True)
class _End:
    """An exit code, and the line with the reason if a command ended early."""

    code: int
    told: str = ""


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code.

    Any early end is reported as one line, never a traceback, and with ``--json`` as a document too.
    """
    return _told(_end_of(arguments), arguments)


def main() -> None:
    """Run this process's command line; SIGTERM and SIGHUP act like Ctrl-C."""
    output, arguments = guard_streams(), sys.argv[1:]
    _command_modules(arguments)  # While interrupts are still handled as during imports.
    code = INTERRUPTED
    # The first interrupt ends the command. A second one may arrive at any moment while the first
    # is handled, so one of the two blocks catches it. Any further one is ignored.
    with contextlib.suppress(KeyboardInterrupt):
        with contextlib.suppress(KeyboardInterrupt):
            interrupt_twice()
            code = _code_of(_end_of(arguments), arguments, output)
        ignore_interrupts()
    if code == INTERRUPTED:
        _told(_interrupted(arguments), arguments)
        _leave_at_once()
    sys.exit(code)


def _code_of(ended: _End, arguments: Sequence[str], output: Channel) -> int:
    """The exit code of a command that was not interrupted, after its output is written."""
    if ended.code == INTERRUPTED:
        return INTERRUPTED
    code = _told(ended, arguments)
    sys.stdout.flush()
    return _with_output(code, output.lost, _JSON in arguments)


def _told(ended: _End, arguments: Sequence[str]) -> int:
    if ended.told:
        say(ended.told if ended.code == INTERRUPTED else f"Error: {ended.told}")
        if _JSON in arguments:
            command = " ".join(_command_words(arguments))
            print_json(command, complete=False, error=ended.told)
    return ended.code


def _with_output(code: int, lost: OSError | None, is_document: bool) -> int:
    """The exit code after writing the output: a result that was lost is not complete.

    A reader that closes the pipe has read enough, unless the output is a JSON document.
    """
    if lost is None or (lost.errno == errno.EPIPE and not is_document):
        return code
    reason = os.strerror(lost.errno or 0).lower()
    say(f"Error: The result could not be written to standard output ({reason}).")
    return code or _INCOMPLETE


def _end_of(arguments: Sequence[str]) -> _End:
    try:
        ended = build_app(arguments)(args=list(arguments), standalone_mode=False)
    except UsageError as error:
        return _End(_WRONG_USAGE, str(error))
    except MigrationError as error:
        return _End(_INCOMPLETE, str(error))
    except (KeyboardInterrupt, typer.Abort):
        ended = INTERRUPTED
    except Exception as error:
        return _unexpected(error)
    if ended == INTERRUPTED:
        return _interrupted(arguments)
    return _End(ended if isinstance(ended, int) else _COMPLETE)


def _interrupted(arguments: Sequence[str]) -> _End:
    """The message for an interrupt: the command's own, or the usual one."""
    command = next(_command_words(arguments), "")
    module = import_module(f"checkout_assets.cli.{command}") if command else None
    return _End(INTERRUPTED, getattr(module, "INTERRUPTED", SENTENCE))


def _unexpected(error: Exception) -> _End:
    # typer has its own copy of click's exceptions, so they are identified by their methods.
    explain = getattr(error, "format_message", None)
    if explain is None:
        return _End(_INCOMPLETE, explain_fault(error))
    message = " ".join(explain().split()).removesuffix(".")
    told = f"{message}. Try checkout-assets --help." if message else ""
    return _End(_WRONG_USAGE, told)


def _command_words(arguments: Sequence[str]) -> Iterator[str]:
    """The words of the command, such as ``access grant``; none if it is unknown."""
    group: Any = typer.main.get_command(build_app(arguments))
    for word in arguments:
        group = getattr(group, "commands", {}).get(word)
        if group is None:
            return
        yield word


def _leave_at_once() -> None:
    """End without waiting for threads: a request that never ends would keep the process alive."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
