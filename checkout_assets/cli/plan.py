"""``checkout-assets plan``: estimate a migration before it begins."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from checkout_assets.cli.console import print_json, print_lines, say
from checkout_assets.cli.help_texts import FOLDER_HELP
from checkout_assets.cli.options import (
    Folders,
    Json,
    given_locations,
    given_places,
    usable_places,
)
from checkout_assets.cli.plan_table import inventory_document, print_plan, workload_lines
from checkout_assets.cli.settings_options import ComparingRole, comparing_settings, settings_options
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.domain.planning.estimate import Estimate
from checkout_assets.domain.planning.prices import PriceTable
from checkout_assets.domain.planning.workload import Workload, spread_evenly
from checkout_assets.engines.locations import S3Location
from checkout_assets.engines.planning.choices import PlanChoices
from checkout_assets.settings import Settings

_NAME = "plan"
_USUAL = PlanChoices()
_OPTIONS = ("source_uri", "raw_uri", "source_account", "requester_pays", "prices")
_EXAMPLES = f"""{FOLDER_HELP}\b
Examples:
  checkout-assets plan --source s3://orders
  checkout-assets plan --objects 400000000 --bytes 4400000000000
  checkout-assets plan --inventory s3://inventories/orders/all/manifest.json
"""


@dataclass(frozen=True)
class _Load:
    """The workload to plan for instead of listing the source."""

    objects: Annotated[
        int | None,
        typer.Option("--objects", metavar="N", min=1, help="Plan for N objects; list nothing."),
    ] = None
    total_bytes: Annotated[
        int | None,
        typer.Option("--bytes", metavar="N", min=0, help="The total size of these objects."),
    ] = None
    inventory: Annotated[
        str | None,
        typer.Option(
            metavar="MANIFEST",
            help="Plan for what this manifest.json of an S3 Inventory lists: s3://bucket/key or a "
            "file. Sends no request to the source.",
        ),
    ] = None
    left: Annotated[
        bool,
        typer.Option("--left", help="Plan for what raw does not hold yet; lists raw, too."),
    ] = False


@dataclass(frozen=True)
class _Machines(PlanChoices):
    """The planned machines as options."""

    instances: Annotated[
        int, typer.Option(metavar="N", min=1, max=512, help="Instances that copy at the same time.")
    ] = _USUAL.instances
    clusters: Annotated[
        int, typer.Option(metavar="N", min=1, max=512, help="Clusters at the same time.")
    ] = _USUAL.clusters
    days: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of days per folder with documents.")
    ] = _USUAL.days


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(_NAME, epilog=_EXAMPLES)(plan)


@settings_options(*_OPTIONS)
def plan(  # noqa: PLR0913 - a command's options
    *,
    folders: Folders = None,
    given: Mapping[str, object],
    role: ComparingRole = None,
    load: _Load,
    machines: _Machines,
    json: Json = False,
) -> int:
    """Estimate requests, hours and dollars of a migration; change nothing.

    Lists the source, which costs one request per 1,000 objects, or plans for an S3 Inventory or for
    the numbers that are given. Takes all 512 folders unless some are named.
    """
    from checkout_assets.engines.planning.price_table import load_prices
    from checkout_assets.resources.planning import estimates_for

    settings = comparing_settings(role, **given)
    table = load_prices(settings.prices)
    work = _workload(settings, folders, load)
    found = estimates_for(settings.ec2, settings.emr, work, machines, table)
    old = table.warning(datetime.now(UTC).date())
    if json:
        print_json(_NAME, True, _document(work, found, table, old))
    else:
        print_lines(workload_lines(work, counted_by_hand=load.objects is not None))
        print_plan(found)
        print_lines(_how_to_set_budget(work))
    if old:
        say(old)
    return 0


def _workload(settings: Settings, folders: list[str] | None, load: _Load) -> Workload:
    chosen = select_folders(folders or ["all"])
    if load.inventory is not None and (load.objects, load.total_bytes) != (None, None):
        raise UsageError("--inventory counts itself: leave out --objects and --bytes.")
    if load.left and (load.inventory, load.objects) != (None, None):
        raise UsageError("--left lists source and raw: leave out --inventory and --objects.")
    if load.inventory is not None:
        return _inventoried(settings, chosen, load.inventory)
    if load.objects is not None:
        return spread_evenly(load.objects, load.total_bytes or 0, chosen)
    if load.total_bytes is not None:
        raise UsageError("--bytes needs --objects: say how many objects there are.")
    return _left(settings, chosen) if load.left else _listed(settings, chosen)


def _left(settings: Settings, folders: Sequence[Folder]) -> Workload:
    from checkout_assets.engines.locations import principal
    from checkout_assets.engines.planning.left_load import left_workload

    role = settings.comparing_role_arn
    places = usable_places(settings, "source", "raw", role_arn=role)
    source, raw = places["source"], places["raw"]
    assert isinstance(source, S3Location)
    assert isinstance(raw, S3Location)
    session = principal(role)
    return left_workload(source.open(session), raw.open(session), folders)


def _listed(settings: Settings, folders: Sequence[Folder]) -> Workload:
    from checkout_assets.engines.locations import principal
    from checkout_assets.engines.planning.source_load import list_workload

    role = settings.comparing_role_arn
    source = usable_places(settings, "source", role_arn=role)["source"]
    assert isinstance(source, S3Location)
    return list_workload(source.open(principal(role)), folders)


def _inventoried(settings: Settings, folders: Sequence[Folder], uri: str) -> Workload:
    from checkout_assets.engines.planning.inventory_load import inventory_workload

    places = given_locations(settings, *given_places(settings, {"source": False}))
    source = places.get("source")
    assert source is None or isinstance(source, S3Location)
    return inventory_workload(uri, source, folders, settings.comparing_role_arn)


def _how_to_set_budget(work: Workload) -> list[str]:
    return [
        "For a budget: set CHECKOUT_BUDGET_DOLLARS, "
        f"CHECKOUT_PLANNED_OBJECTS={work.objects} and CHECKOUT_PLANNED_BYTES={work.total_bytes}.",
    ]


def _document(
    work: Workload, found: Sequence[Estimate], table: PriceTable, old: str
) -> dict[str, Any]:
    return {
        "objects": work.objects,
        "bytes": work.total_bytes,
        "documents": work.read,
        "archived": dict(work.archived),
        "present": work.present,
        "missing_folders": work.missing,
        "inventory": inventory_document(work),
        "prices_as_of": table.as_of.isoformat(),
        "warning": old or None,
        "prices": {name: asdict(price) for name, price in table.prices.items()},
        "estimates": [{**asdict(each), "dollars": each.dollars} for each in found],
    }
