"""Commands that share a first word, such as ``quarantine list`` and ``quarantine show``."""

from collections.abc import Callable, Mapping
from inspect import signature

import typer

from checkout_assets.cli.help_texts import FOLDER_HELP


def add_group(
    app: typer.Typer,
    name: str,
    commands: Mapping[str, Callable[..., int]],
    *,
    told: str,
    examples: str,
) -> None:
    """Add the commands below their first word; the first word alone shows the help."""
    group = typer.Typer(help=told, epilog=examples, no_args_is_help=True, rich_markup_mode=None)
    for word, command in commands.items():
        takes_folders = "folders" in signature(command).parameters
        epilog = f"{FOLDER_HELP}{examples}" if takes_folders else examples
        group.command(word, epilog=epilog)(command)
    app.add_typer(group, name=name)
