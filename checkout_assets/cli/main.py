"""The entry point: registers the commands and turns every ending into an exit code.

0: all that was asked for is complete and verified; 1: something is not; 2: wrong usage or
configuration; 130: interrupted.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Sequence

import typer

from checkout_assets.cli import access, copy, demo, quarantine, reconcile, structure
from checkout_assets.cli.console import say
from checkout_assets.domain.errors import MigrationError, UsageError

COMMANDS = (copy, structure, reconcile, quarantine, access, demo)
"""Modules with a ``register(app)``; a new command is added here."""

_COMPLETE, _INCOMPLETE, _WRONG_USAGE, _INTERRUPTED = 0, 1, 2, 130
_EPILOG = """\b
FOLDER is a name (0A_CheckoutOrder), a range (00_CheckoutOrder..0F_CheckoutOrder) or all.

\b
Exit codes: 0 all is complete and verified; 1 something is not, and the last lines say what;
2 wrong usage or configuration; 130 interrupted.

\b
Options also come from the environment: CHECKOUT_SOURCE_URI, CHECKOUT_RAW_URI, CHECKOUT_LAKE_URI,
CHECKOUT_AS_OF, CHECKOUT_SHOW_OBJECT_NAMES. Credentials, region and endpoint are AWS's own
variables: AWS_PROFILE, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 and the rest.
"""


def build_app() -> typer.Typer:
    """The command line with all its commands."""
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
    app.callback()(lambda: None)  # keeps a command's name even if it is the only one
    for command in COMMANDS:
        command.register(app)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; user errors become one line, no traceback."""
    try:
        ended = build_app()(args=list(arguments), standalone_mode=False)
    except UsageError as error:
        return _refuse(str(error), _WRONG_USAGE)
    except MigrationError as error:
        return _refuse(str(error), _INCOMPLETE)
    except (KeyboardInterrupt, typer.Abort):
        ended = _INTERRUPTED
    except Exception as error:
        # typer brings its own copy of click's exceptions, so they are known by their shape.
        explain = getattr(error, "format_message", None)
        if explain is None:
            raise
        message = " ".join(explain().split()).removesuffix(".")
        return _refuse(f"{message}. Try checkout-assets --help.", _WRONG_USAGE) if message else 2
    if ended == _INTERRUPTED:
        say("Interrupted. What was done stays; run the same command again to go on.")
    return ended if isinstance(ended, int) else _COMPLETE


def main() -> None:
    """The console script; SIGTERM ends it as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = _INTERRUPTED
    with contextlib.suppress(KeyboardInterrupt):  # a second one, while the first is answered
        code = run(sys.argv[1:])
    if code == _INTERRUPTED:
        _leave_at_once()
    sys.exit(code)


def _leave_at_once() -> None:
    """End without waiting for threads: a request that never ends would keep the process."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(_INTERRUPTED)


def _refuse(sentence: str, code: int) -> int:
    say(f"Error: {sentence}")
    return code


if __name__ == "__main__":
    main()
