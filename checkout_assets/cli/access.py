"""``checkout-assets access``: grant, revoke and show the temporary access to the source."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from checkout_assets.cli.access_report import (
    changes_document,
    policies_document,
    policies_lines,
    print_changes,
    status_document,
    status_lines,
)
from checkout_assets.cli.console import print_json, print_lines, say, say_some
from checkout_assets.cli.groups import add_group
from checkout_assets.cli.options import Json, new_run_id, usable_places
from checkout_assets.cli.settings_options import settings_options, settings_with
from checkout_assets.domain.counting import of_folders
from checkout_assets.domain.errors import MigrationError
from checkout_assets.settings import Settings

if TYPE_CHECKING:
    from checkout_assets.domain.access.grants import Proof
    from checkout_assets.domain.access.terms import AccessTerms
    from checkout_assets.engines.access.bucket_policy import PolicyChange
    from checkout_assets.engines.access.granting import Granter
    from checkout_assets.engines.access.options import AccessOptions

_PLACES = ("source_uri", "raw_uri", "lake_uri")
_TERMS = ("access_requester", "access_days")
_SOURCE_ROLE = "source_grant_role_arn"
Yes = Annotated[
    bool, typer.Option("--yes", help="Write the changes; without it they are only shown.")
]

_EXAMPLES = """\b
Examples:
  checkout-assets access show --requester "orders team"
  checkout-assets access grant --requester "orders team" --days 14
  checkout-assets access grant --requester "orders team" --days 14 --yes
  checkout-assets access status
  checkout-assets access revoke --prove --yes
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_group(
        app,
        "access",
        {each.__name__: each for each in (show, grant, revoke, status)},
        told="Grant, show and revoke the temporary access for copying. Statements that others "
        "wrote in the buckets' policies are never changed.",
        examples=_EXAMPLES,
    )


@settings_options(*_PLACES, *_TERMS, "catalog", "plain_database")
def show(
    *,
    given: Mapping[str, object],
    json: Json = False,
) -> int:
    """Print the policies of the buckets and of each role.

    They are generated from the settings. Makes no AWS calls and changes nothing. The roles'
    policies are for the people who manage the roles.
    """
    settings = settings_with(**given)
    terms = _terms(_options(settings, asked=False), settings)
    if json:
        print_json("access show", complete=True, document=policies_document(terms))
    else:
        print_lines(policies_lines(terms))
    return 0


@settings_options(*_PLACES, *_TERMS, _SOURCE_ROLE)
def grant(
    *,
    given: Mapping[str, object],
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Add our statements to the buckets' policies.

    They end on the expiry date. Shows the changes; only --yes writes them. A later grant replaces
    an earlier one.
    """
    settings = settings_with(**given)
    options = _options(settings)
    terms = _terms(options, settings)
    granter = _granter(options)
    changes = granter.plan_grant(terms)
    record = granter.grant(terms, _now()) if yes else None
    if json:
        print_json("access grant", *changes_document(changes, record, written=yes))
    else:
        print_changes(changes)
    if record is not None:
        say(f"Granted to {terms.requester} until {terms.expiry}; read back and confirmed.")
        return 0
    return _not_written(changes, "is granted as shown")


@settings_options(*_PLACES, _SOURCE_ROLE)
def revoke(
    *,
    given: Mapping[str, object],
    prove: Annotated[
        bool,
        typer.Option(
            "--prove",
            help="Reconcile all folders with the source first; revoke only if that proves that "
            "access is not needed, and keep the proof.",
        ),
    ] = False,
    yes: Yes = False,
    json: Json = False,
) -> int:
    """Remove our statements from the buckets' policies.

    Shows the changes; only --yes writes them.
    """
    options = _options(settings_with(**given))
    proof = _prove(options) if prove else None
    granter = _granter(options)
    changes = granter.plan_revoke()
    record = granter.revoke(_now(), proof) if yes else None
    if json:
        print_json("access revoke", *changes_document(changes, record, written=yes))
    else:
        print_changes(changes)
    if yes:
        say(record.ended(_now()) if record else "Nothing was ever granted; nothing is left.")
        return 0
    return _not_written(changes, "is revoked")


@settings_options(*_PLACES)
def status(*, given: Mapping[str, object], json: Json = False) -> int:
    """Show who has access until when, and whether it is needed.

    Shows the requester, the expiry, the statements in the buckets' policies and the last proof.
    Assumes no role in the source's account and changes nothing.
    """
    from checkout_assets.engines.access.status import look_at_access

    now = _now()
    seen = look_at_access(_options(settings_with(**given)), now)
    if json:
        print_json("access status", not seen.problems, status_document(seen, now))
    else:
        print_lines(status_lines(seen, now))
    say_some(seen.problems)
    return 1 if seen.problems else 0


def _options(settings: Settings, asked: bool = True) -> "AccessOptions":
    """The options from the settings; with ``asked``, raw must answer.

    The other places are not checked: this principal may have access to their policies only.
    """
    from checkout_assets.engines.access.options import access_options

    if asked:
        usable_places(settings, "raw")
    return access_options(settings)


def _terms(options: "AccessOptions", settings: Settings) -> "AccessTerms":
    return options.terms(settings.access_requester, settings.access_days, _now())


def _granter(options: "AccessOptions") -> "Granter":
    from checkout_assets.engines.access.granting import Granter

    return Granter(options.policies(), options.raw.open())


def _prove(options: "AccessOptions") -> "Proof":
    from checkout_assets.engines.access.proving import prove
    from spark_jobs.refusals import meaning_of
    from spark_jobs.stores import StoreError

    try:
        found = prove(options, new_run_id())
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code}")
        raise MigrationError(f"Nothing was changed: {reason}.") from None
    if not found.proves:
        raise MigrationError(
            "Nothing was changed: "
            + of_folders(found.complete, found.folders, " [is|are] complete, ")
            + f"{'compared with' if found.with_source else 'without'} the source"
            f"{'' if found.as_of else ', not up to one cut-off'}. Reconcile says what is missing."
        )
    return found.proof()


def _not_written(changes: Sequence["PolicyChange"], done: str) -> int:
    if not any(change.needed for change in changes):
        say(f"Nothing was changed: everything {done} already.")
        return 0
    say("Nothing was changed. Use --yes to write the changes.")
    return 1


def _now() -> datetime:
    return datetime.now(UTC)
