"""moto's Glue over HTTP, with the limits of Glue's API reference that moto does not know.

It keeps all names of columns in lower case, as Hive does, and those of nested fields too. Glue was
seen to do the former (apache/gravitino, pull request 14561); of the latter nothing is documented.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.core.request import Request
from moto.glue.models import glue_backends
from moto.glue.responses import GlueResponse
from werkzeug.wrappers import Response

from checkout_assets_tests.api_serving import serving_api
from checkout_assets_tests.aws_errors import json_error

_LONGEST_NAME = 255
_LONGEST = {"Name": _LONGEST_NAME, "Comment": 255, "Type": 131_072}
"""Glue API reference, structure Column: characters."""

_LONGEST_DESCRIPTION, _LONGEST_LOCATION = 2_048, 2_056
_LONGEST_PARAMETER = 512_000
_INVALID = "InvalidInputException"

Sent = Mapping[str, Any]


@dataclass
class LocalGlue:
    """Serves the API; ``requests`` are those that were carried out, as they were sent.

    ``denies`` says which permission a request lacks, by its operation and what it sent. ``answers``
    maps an operation to error codes that its next calls get, ``before`` to what happens before.
    """

    endpoint_url: str = ""
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    denies: Callable[[str, Sent], str] = lambda _operation, _sent: ""

    @contextmanager
    def serving(self) -> Iterator["LocalGlue"]:
        """Serve an empty catalog on a free port of this machine."""
        for backend in _backends():
            backend.reset()
        with serving_api(self._answer) as self.endpoint_url:
            yield self

    def sent(self, operation: str) -> list[dict[str, Any]]:
        """What was sent with that operation."""
        return [sent for name, sent in self.requests if name == operation]

    def _answer(self, request: Request) -> Response:
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        sent = json.loads(request.get_data() or b"{}")
        self.before.pop(operation, lambda: None)()
        if self.answers.get(operation):
            return json_error(self.answers[operation].pop(0))
        if denied := self.denies(operation, sent):
            return json_error("AccessDeniedException", f"User: the caller is {denied}")
        if wrong := _exceeded(sent.get("TableInput") or {}):
            return json_error(_INVALID, wrong)
        if operation == "UpdateTable" and not _is_current(sent):
            return json_error("ConcurrentModificationException")
        status, headers, body = GlueResponse.dispatch(request)
        if "TableInput" in sent:
            _fold_names(sent["DatabaseName"], sent["TableInput"]["Name"])
        self.requests.append((operation, sent))
        return Response(body, status, dict(headers))


@dataclass
class OtherWriter:
    """Somebody else with the same catalog."""

    client: Any

    def table(self, database: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get_table(DatabaseName=database, Name=name)["Table"]
        return found

    def changes(self, database: str, name: str, **values: Any) -> None:
        """Replace some values of a table."""
        found = self.table(database, name)
        server_side = ("DatabaseName", "CreateTime", "UpdateTime", "VersionId", "CatalogId")
        kept = {key: value for key, value in found.items() if key not in server_side}
        self.client.update_table(DatabaseName=database, TableInput={**kept, **values})


def _backends() -> list[Any]:
    return [backend for regions in glue_backends.values() for backend in regions.values()]


def _fold_names(database: str, table: str) -> None:
    """Store the names of a table's columns and nested fields in lower case."""
    for backend in _backends():
        found = backend.databases.get(database)
        stored = found.tables.get(table) if found is not None else None
        for version in stored.versions.values() if stored is not None else ():
            for column in (version.get("StorageDescriptor") or {}).get("Columns") or ():
                column.update({each: column[each].lower() for each in ("Name", "Type")})


def _is_current(sent: Sent) -> bool:
    """Whether an update names no version or the table's current one."""
    versions = [
        str(backend.get_table(sent["DatabaseName"], sent["TableInput"]["Name"])._current_version)
        for backend in _backends()
        if sent["DatabaseName"] in backend.databases
    ]
    return sent.get("VersionId", versions[0]) in versions


def _exceeded(table: Sent) -> str:
    """Which limit of Glue a table exceeds; empty if none."""
    storage = table.get("StorageDescriptor") or {}
    for column in [*(storage.get("Columns") or ()), *(table.get("PartitionKeys") or ())]:
        for name, longest in _LONGEST.items():
            if len(column.get(name) or "") > longest:
                return f"{name} of a column has more than {longest} characters"
    if len(table.get("Description") or "") > _LONGEST_DESCRIPTION:
        return "the description is too long"
    if len(storage.get("Location") or "") > _LONGEST_LOCATION:
        return "the location is too long"
    if table.get("Name", "").lower() != table.get("Name", ""):
        return "the name is not in lower case"
    for name, value in (table.get("Parameters") or {}).items():
        if len(name) > _LONGEST_NAME or len(value) > _LONGEST_PARAMETER:
            return "a parameter is too long"
    return ""
