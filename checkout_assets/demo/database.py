"""Whether a demo can keep Dagster's runs and events in a PostgreSQL."""

import sqlalchemy as db
from sqlalchemy.exc import SQLAlchemyError

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError


def check_database(url: str) -> None:
    """Raise UsageError unless the URL is that of a PostgreSQL without runs of Dagster."""
    if not url.startswith("postgresql://"):
        raise _unusable("its URL does not begin with postgresql://")
    try:
        import dagster_postgres  # noqa: F401

        used = db.inspect(db.create_engine(url, poolclass=db.NullPool)).has_table("runs")
    except ImportError as error:
        raise _unusable(f"{error.name} is missing: install checkout-assets[production]") from None
    except ValueError:
        raise _unusable("its port is not a number") from None
    except SQLAlchemyError as error:
        raise _unusable(displayable(str(error).strip().splitlines()[0])) from None
    if used:
        raise _unusable("it already has runs of Dagster: name an empty one")


def _unusable(reason: str) -> UsageError:
    return UsageError(f"The database of --database cannot be used: {reason}.")
