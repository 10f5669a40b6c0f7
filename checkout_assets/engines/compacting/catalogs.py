"""Open the Iceberg catalog that the setting names."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from checkout_assets.domain.compaction.tables import GLUE
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.engines.failed_requests import code_of
from checkout_assets.engines.locations import LocalLocation, Location, principal
from checkout_assets.settings import aws_variables
from spark_jobs.contract.failures import Failure

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

_NAME = "checkout_assets"
_SQLITE = "sqlite:///"
_IN_LAKE = "orders/catalog.db"
_FORMS = "write glue, the http(s) URI of a REST catalog, or sqlite:///path"


def open_catalog(choice: str, lake: Location) -> "Catalog":
    """Open the catalog; raises UsageError if ``choice`` names none or the lake needs another.

    Raises MigrationError if the catalog cannot be reached.
    """
    with catalog_explained():
        return _opened(choice, lake)


def find_catalog(choice: str, lake: Location) -> "Catalog | None":
    """Open the catalog without creating one; None if there cannot be any table yet.

    Raises as ``open_catalog``.
    """
    if not choice and not isinstance(lake, LocalLocation):
        return None
    is_file = not choice or choice.startswith(_SQLITE)
    if is_file and not _database(choice, lake).exists():
        return None
    return open_catalog(choice, lake)


def _opened(choice: str, lake: Location) -> "Catalog":
    if choice == GLUE:
        from pyiceberg.catalog.glue import GlueCatalog

        return GlueCatalog(_NAME, **_aws_properties("glue"), **_file_properties(lake))
    if choice.startswith(("http://", "https://")):
        from pyiceberg.catalog.rest import RestCatalog

        return RestCatalog(_NAME, uri=choice, **_file_properties(lake))
    return _sql_catalog(_database(choice, lake), lake)


def _database(choice: str, lake: Location) -> Path:
    """The file of a SQLite catalog."""
    if choice.startswith(_SQLITE) and len(choice) > len(_SQLITE):
        return Path(choice[len(_SQLITE) :]).absolute()
    if choice:
        wrong = f'CHECKOUT_CATALOG is wrong: "{displayable(choice)}" names no catalog'
        raise UsageError(f"{wrong}: {_FORMS}.")
    if isinstance(lake, LocalLocation):
        return lake.path.absolute() / _IN_LAKE
    raise UsageError(f"Set CHECKOUT_CATALOG for a lake in S3: {_FORMS}.")


def _sql_catalog(database: Path, lake: Location) -> "Catalog":
    from pyiceberg.catalog.sql import SqlCatalog
    from sqlalchemy.exc import SQLAlchemyError

    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        return SqlCatalog(_NAME, uri=f"{_SQLITE}{database}", **_file_properties(lake))
    except (SQLAlchemyError, OSError):
        raise UsageError(
            f"The catalog {displayable(str(database))} cannot be opened: check that it is a SQLite "
            "file in a directory that you may write to."
        ) from None


def _file_properties(lake: Location) -> Mapping[str, str]:
    """By what PyIceberg reads and writes a table's files in the lake."""
    reader = {"py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO"}
    if isinstance(lake, LocalLocation):
        return reader
    if lake.terms.encryption:
        raise UsageError(
            "The analysts' tables cannot be written with CHECKOUT_LAKE_ENCRYPTION: unset it for "
            "this command and set default encryption on the lake's bucket."
        )
    variables = aws_variables()
    endpoint = variables.get("AWS_ENDPOINT_URL_S3") or variables.get("AWS_ENDPOINT_URL", "")
    return {**reader, **_aws_properties("s3"), **({"s3.endpoint": endpoint} if endpoint else {})}


def _aws_properties(service: str) -> Mapping[str, str]:
    """Region and credentials as the session of all other requests has them."""
    session = principal()
    credentials = session.get_credentials().get_frozen_credentials()
    given = {
        "region": session.region_name,
        "access-key-id": credentials.access_key,
        "secret-access-key": credentials.secret_key,
        "session-token": credentials.token,
    }
    return {f"{service}.{name}": value for name, value in given.items() if value}


@contextmanager
def catalog_explained() -> Iterator[None]:
    """Raise MigrationError in place of what libraries raise when catalog or files fail.

    Their words may hold SQL, paths or credentials, so only the kind of error is told.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from pyiceberg.exceptions import RESTError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (RESTError, SQLAlchemyError, BotoCoreError, ClientError, OSError) as error:
        raise _not_usable(code_of(error)) from None


def _not_usable(code: str) -> MigrationError:
    return MigrationError(
        f"The catalog of the analysts' tables, or the tables' metadata in the lake, could not be "
        f"read or written ({code}). Run it again; if it fails again, check CHECKOUT_CATALOG.",
        Failure(code, transient=True),
    )
