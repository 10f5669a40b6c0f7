"""``checkout-assets demo``: the whole migration of a sample source, on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from checkout_assets.cli.console import print_json, say
from checkout_assets.cli.options import Json
from checkout_assets.demo.place import DEMO_DIRECTORY, DEMO_DOCUMENTS

NAME = "demo"
INTERRUPTED = (
    "Interrupted. The demo is not complete; run the same command again, which starts over and "
    "replaces what is there."
)
"""A demo does not continue where it was interrupted."""

_EXAMPLES = """\b
Examples:
  checkout-assets demo
  checkout-assets demo --seed 8 --documents 20000 --directory /tmp/demo
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(NAME, epilog=_EXAMPLES)(demo)


Directory = Annotated[
    Path,
    typer.Option(
        metavar="DIRECTORY", help="Where all files go; an earlier demo there is replaced."
    ),
]
Seed = Annotated[int, typer.Option(metavar="N", help="The same seed creates the same documents.")]
Documents = Annotated[int, typer.Option(metavar="N", help="About how many documents to create.")]
Days = Annotated[int, typer.Option(metavar="N", min=1, max=1500, help="The most days per folder.")]
Database = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Dagster's runs and events go to this PostgreSQL instead of files: "
        "postgresql://USER:PASSWORD@HOST/DATABASE, which should be empty. The URL is kept in "
        "DIRECTORY.",
    ),
]


def demo(  # noqa: PLR0913, PLR0917 - what a user may choose
    directory: Directory = DEMO_DIRECTORY,
    seed: Seed = 7,
    documents: Documents = DEMO_DOCUMENTS,
    days: Days = 3,
    database: Database = "",
    json: Json = False,
) -> int:
    """Migrate a sample source on this machine.

    Starts an S3 server, creates 512 folders of invented documents with every known anomaly,
    reconciles, backfills both assets and the analysts' tables through Dagster, and reconciles
    again. Needs no AWS account. Afterwards, make ui shows the results in the Dagster UI.
    """
    from rich.console import Console

    from checkout_assets.demo.place import DemoPlace
    from checkout_assets.demo.stages import Stages
    from checkout_assets.demo.story import tell
    from checkout_assets.demo.summary import show_summary
    from checkout_assets.sample.source import SampleOptions

    options = SampleOptions(seed=seed, documents=documents, days=days)
    place = DemoPlace(directory.absolute())
    told = tell(place, options, Stages(Console(stderr=True, highlight=False)), database)
    wrong = told.faults_of_the_demo()
    if json:
        print_json(NAME, not wrong, told.document(place))
    else:
        show_summary(told, place, Console(highlight=False))
    for sentence in wrong:
        say(f"Not as expected: {sentence}.")
    if not wrong:
        say("512 of 512 folders complete; the three lost folders were found and repaired.")
    return 1 if wrong else 0
