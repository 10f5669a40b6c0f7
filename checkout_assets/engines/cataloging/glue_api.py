"""The few requests to AWS Glue that the plain tables need; a refusal becomes one sentence."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.engines.aws_requests import AwsRequestError, diagnosed
from checkout_assets.engines.aws_setup import configuring, region_for
from checkout_assets.engines.cataloging.definition import TableInput
from checkout_assets.engines.failed_requests import code_of
from checkout_assets.engines.locations import principal
from spark_jobs.service_codes import is_denied

_NOT_FOUND = "EntityNotFoundException"
_ALREADY_THERE = "AlreadyExistsException"
_CHANGED_MEANWHILE = (
    *(_ALREADY_THERE, _NOT_FOUND),
    *("ConcurrentModificationException", "VersionMismatchException"),
)


class GlueApi:
    """One database of this account's Glue Data Catalog."""

    def __init__(self, client: Any, database: str) -> None:
        self._client = client
        self.database = database

    def table(self, name: str) -> Mapping[str, Any] | None:
        """Return the table; None if it or the database does not exist."""
        found: Mapping[str, Any] | None = None
        with self._explained("glue:GetTable"):
            found = _unless_missing(
                lambda: self._client.get_table(DatabaseName=self.database, Name=name)
            )
        return found["Table"] if found else None

    def ensure_database(self) -> None:
        """Create the database if it does not exist."""
        with self._explained("glue:GetDatabase"):
            if _unless_missing(lambda: self._client.get_database(Name=self.database)):
                return
        with self._explained("glue:CreateDatabase"):
            self._client.create_database(DatabaseInput={"Name": self.database})

    def create(self, table: TableInput) -> None:
        """Create the table; raises MigrationError if somebody created it meanwhile."""
        with self._explained("glue:CreateTable"):
            self._client.create_table(DatabaseName=self.database, TableInput=table)

    def update(self, table: TableInput, version: str) -> None:
        """Replace the table if it still has that version; the earlier one stays in Glue's history.

        Raises MigrationError if somebody changed it meanwhile.
        """
        with self._explained("glue:UpdateTable"):
            self._client.update_table(
                DatabaseName=self.database,
                TableInput=table,
                **({"VersionId": version} if version else {}),
            )

    @contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        try:
            with diagnosed():
                yield
        except AwsRequestError as error:
            raise self._told(error, action) from None

    def _told(self, error: AwsRequestError, action: str) -> Exception:
        if is_denied(error.code):
            return UsageError(
                f"Access to the Glue database {self.database} is denied: {action} must be allowed "
                "on the catalog, the database and its tables."
            )
        if error.code in _CHANGED_MEANWHILE:
            return MigrationError(
                f"The Glue database {self.database} was changed by someone else meanwhile. Nothing "
                "of theirs was overwritten. Run the same command again."
            )
        told = f"The Glue database {self.database}: {error.diagnosis.reason}."
        if error.diagnosis.passes:
            return MigrationError(f"{told} Run the same command again.", error.diagnosis.failure)
        return UsageError(told, error.diagnosis.failure)


def glue_api(database: str) -> GlueApi:
    """Open that database with the credentials and the region of AWS's variables."""
    from botocore.config import Config

    session = principal()
    region = region_for(session)
    retries: Any = {"mode": "standard", "total_max_attempts": 4}
    with configuring(session):
        return GlueApi(
            session.client(
                "glue",
                region_name=region,
                config=Config(retries=retries, user_agent_extra="checkout-assets"),
            ),
            database,
        )


def _unless_missing(request: Any) -> Mapping[str, Any] | None:
    """The answer; None if Glue says that what was asked for does not exist."""
    from botocore.exceptions import ClientError

    try:
        answer: Mapping[str, Any] = request()
    except ClientError as error:
        if code_of(error) != _NOT_FOUND:
            raise
        return None
    return answer
