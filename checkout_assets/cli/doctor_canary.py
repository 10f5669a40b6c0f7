"""``checkout-assets doctor --canary``: what it costs at most, and one line per link."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from checkout_assets.cli.console import print_json, print_lines, say
from checkout_assets.cli.doctor_table import results_document
from checkout_assets.domain.displayable import one_line
from checkout_assets.domain.doctor import CheckResult, CheckState
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.settings import Settings

if TYPE_CHECKING:
    from checkout_assets.domain.planning.prices import PriceTable

CanaryFolder = Annotated[
    str | None,
    typer.Option(
        "--canary",
        metavar="FOLDER",
        help="Copy and structure a few objects of this folder on EC2 and EMR, then remove them. "
        "Costs money: see --yes.",
        show_default=False,
    ),
]
CanaryYes = Annotated[
    bool,
    typer.Option(
        "--yes", help="With --canary: begin; without it only the upper bound of the cost is shown."
    ),
]


def fly_canary(settings: Settings, name: str, yes: bool, json: bool) -> int:
    """Show the upper bound of the cost, and with ``yes`` try the chain; returns the exit code."""
    from checkout_assets.engines.canary.limits import canary_settings, most_dollars
    from checkout_assets.engines.planning.price_table import load_prices

    folder = _only_folder(name)
    canary_settings(settings, "")
    table = load_prices(settings.prices)
    dollars = most_dollars(settings, table)
    say(_told_cost(folder, dollars, table))
    results = _links(settings, folder, json) if yes else []
    complete = bool(results) and all(each.state is CheckState.OK for each in results)
    if json:
        print_json("doctor", complete, _document(folder, dollars, table, results))
    say(_conclusion(yes, complete))
    return 0 if complete else 1


def _only_folder(name: str) -> Folder:
    folders = select_folders([name])
    if len(folders) != 1:
        raise UsageError("A canary takes one folder, such as 07_CheckoutOrder.")
    return folders[0]


def _links(settings: Settings, folder: Folder, json: bool) -> list[CheckResult]:
    from checkout_assets.cli.settings_options import check_fleet_options
    from checkout_assets.engines.canary.chain import Canary
    from checkout_assets.engines.doctor.account import checked_identity
    from checkout_assets.resources.canary import new_canary

    check_fleet_options(settings)
    results: list[CheckResult] = []

    def tell(result: CheckResult) -> None:
        results.append(result)
        if not json:
            print_lines(_lines(result))

    run = new_canary(settings, folder, lambda: checked_identity(settings), say)
    say(f"The canary's id is {run.id}.")
    Canary(run, tell).fly()
    return results


def _lines(result: CheckResult) -> list[str]:
    """The line of a link, and a second one with the remedy if it failed."""
    line = one_line(f"{result.state:<7}  {result.check}: {result.reason}")
    if result.state is not CheckState.FAILED:
        return [line]
    return [line, one_line(f"         {result.remedy} See {result.guide}")]


def _told_cost(folder: Folder, dollars: float, table: "PriceTable") -> str:
    told = (
        f"A canary of {folder} launches one instance and one cluster and costs at most "
        f"{dollars:.2f} dollars by the prices of {table.as_of}, without a NAT gateway and public "
        f"addresses. {table.warning(datetime.now(UTC).date())}"
    )
    return told.strip()


def _conclusion(yes: bool, complete: bool) -> str:
    if not yes:
        return "Nothing was launched. Use --yes to begin."
    if complete:
        return "Every link works, and nothing of the canary is left."
    return "The chain is broken: do what the failed line says, then run the same again."


def _document(
    folder: Folder, dollars: float, table: "PriceTable", results: list[CheckResult]
) -> dict[str, Any]:
    cost = {"most_dollars": round(dollars, 2), "prices_as_of": table.as_of.isoformat()}
    return {**results_document(results), "canary": {"folder": folder.name, **cost}}
