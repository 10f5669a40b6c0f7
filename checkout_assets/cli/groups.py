"""Commands that share a first word, such as ``quarantine list`` and ``quarantine show``."""

from collections.abc import Callable, Mapping

import typer


def add_group(
    app: typer.Typer,
    name: str,
    commands: Mapping[str, Callable[..., int]],
    *,
    told: str,
    examples: str,
) -> None:
    """Add the commands below their first word; alone, that shows the help."""
    group = typer.Typer(help=told, epilog=examples, no_args_is_help=True, rich_markup_mode=None)
    for word, command in commands.items():
        group.command(word, epilog=examples)(command)
    app.add_typer(group, name=name)
