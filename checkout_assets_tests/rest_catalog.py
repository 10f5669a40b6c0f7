"""A double of an Iceberg REST catalog: what a table needs of the REST specification, over HTTP.

Written from open-api/rest-catalog-open-api.yaml of apache/iceberg: configuration, namespaces,
creating, loading and committing tables, with the errors that it names. A commit whose requirements
do not hold is refused with 409, ``CommitFailedException``. The tables are those of PyIceberg's SQL
catalog.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pyiceberg.catalog.rest import CreateTableRequest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.table import CommitTableRequest, Table

_ERRORS: dict[type[Exception], tuple[int, str]] = {
    NoSuchNamespaceError: (404, "NoSuchNamespaceException"),
    NoSuchTableError: (404, "NoSuchTableException"),
    NamespaceAlreadyExistsError: (409, "AlreadyExistsException"),
    TableAlreadyExistsError: (409, "AlreadyExistsException"),
    CommitFailedException: (409, "CommitFailedException"),
    NotImplementedError: (406, "UnsupportedOperationException"),
}
Document = dict[str, Any]


class RestCatalogServer:
    """``uri`` answers while it is served; ``asked`` has the method and path of each request.

    After ``lose_answer`` the next commit is accepted, and its answer is an error 504.
    """

    def __init__(self, database: Path, files: Mapping[str, str]) -> None:
        """``files`` are the properties with which it writes tables' metadata to the lake."""
        self._catalog = SqlCatalog("rest", uri=f"sqlite:///{database}", **files)
        self._lock = threading.Lock()
        self.asked: list[str] = []
        self.lose_answer = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.uri = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> "Iterator[RestCatalogServer]":
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Document]:
        """The status and the document for a request; one after the other, as SQLite wants it."""
        self.asked.append(f"{method} {path}")
        parts = [unquote(part) for part in path.strip("/").split("/")]
        with self._lock:
            try:
                return self._answered(method, parts, body)
            except tuple(_ERRORS) as error:
                code, kind = _ERRORS[type(error)]
                return code, _error(code, kind, str(error))

    def _answered(self, method: str, parts: list[str], body: bytes) -> tuple[int, Document]:
        match (method, parts):
            case ("GET", ["v1", "config"]):
                return 200, {"defaults": {}, "overrides": {}}
            case ("POST", ["v1", "namespaces"]):
                return self._create_namespace(json.loads(body))
            case ("GET", ["v1", "namespaces", namespace]):
                return self._load_namespace(namespace)
            case ("POST", ["v1", "namespaces", namespace, "tables"]):
                return self._create_table(namespace, body)
            case ("GET", ["v1", "namespaces", namespace, "tables", name]):
                return 200, _told(self._catalog.load_table((namespace, name)))
            case ("POST", ["v1", "namespaces", namespace, "tables", name]):
                return self._commit((namespace, name), body)
            case _:
                raise NotImplementedError(f"{method} {parts} is not part of the double")

    def _create_namespace(self, asked: Document) -> tuple[int, Document]:
        (name,) = asked["namespace"]
        self._catalog.create_namespace(name)
        return 200, {"namespace": [name], "properties": {}}

    def _load_namespace(self, name: str) -> tuple[int, Document]:
        properties = self._catalog.load_namespace_properties(name)
        return 200, {"namespace": [name], "properties": properties}

    def _create_table(self, namespace: str, body: bytes) -> tuple[int, Document]:
        asked = CreateTableRequest.model_validate_json(body)
        assert not asked.stage_create
        assert asked.partition_spec is not None
        table = self._catalog.create_table(
            (namespace, asked.name),
            asked.table_schema,
            location=asked.location,
            partition_spec=asked.partition_spec,
            properties=asked.properties,
        )
        return 200, _told(table)

    def _commit(self, identifier: tuple[str, str], body: bytes) -> tuple[int, Document]:
        asked = CommitTableRequest.model_validate_json(body)
        table = self._catalog.load_table(identifier)
        self._catalog.commit_table(table, asked.requirements, asked.updates)
        if self.lose_answer:
            self.lose_answer = False
            return 504, _error(504, "ServiceUnavailableException", "the gateway timed out")
        return 200, _told(self._catalog.load_table(identifier))


def _told(table: Table) -> Document:
    metadata = json.loads(table.metadata.model_dump_json())
    return {"metadata-location": table.metadata_location, "metadata": metadata, "config": {}}


def _error(code: int, kind: str, message: str) -> Document:
    return {"error": {"message": message, "type": kind, "code": code}}


def _handler(server: RestCatalogServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, document = server.answer(self.command, urlsplit(self.path).path, body)
            told = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    return Handler
