"""The manifest of an S3 Inventory: which files it has, of which columns, and when it was taken.

Its form: Amazon S3 User Guide, "Cataloging and analyzing your data with S3 Inventory" and "Locating
your inventory list".
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from checkout_assets.domain.displayable import displayable

CSV, PARQUET = "CSV", "Parquet"
_FORMATS = {each.lower(): each for each in (CSV, PARQUET)}
_ORC = "orc"
_ARN = re.compile(r"(?:arn:[^:]*:s3:::)?([A-Za-z0-9._-]{3,255})")
_PARQUET_COLUMN = re.compile(r"\b(?:required|optional)\s+\w+\s+(\w+)")
_MD5 = re.compile(r"[0-9a-f]{32}")
_MILLISECONDS = 1000


class InventoryColumn(StrEnum):
    """The columns that a plan reads; CSV and Parquet name them alike except for case and ``_``."""

    KEY = "key"
    SIZE = "size"
    VERSION = "versionid"
    IS_LATEST = "islatest"
    IS_DELETE_MARKER = "isdeletemarker"
    STORAGE_CLASS = "storageclass"
    TIER = "intelligenttieringaccesstier"
    IN_PARTS = "ismultipartuploaded"
    ENCRYPTION = "encryptionstatus"


OPTIONAL_FIELDS = {
    InventoryColumn.STORAGE_CLASS: "StorageClass",
    InventoryColumn.IN_PARTS: "IsMultipartUploaded",
    InventoryColumn.ENCRYPTION: "EncryptionStatus",
}
"""Columns that a plan can do without, by their names in the inventory's configuration."""


class InvalidInventoryError(Exception):
    """The inventory cannot be used; the message is a clause that says why."""


class InventoryFile(NamedTuple):
    """One data file: its key in the inventory's bucket, and the MD5 of its bytes."""

    key: str
    md5: str


@dataclass(frozen=True, slots=True)
class InventoryManifest:
    """The content of a manifest.

    ``columns`` are the files' columns in order; ``names`` maps each column that a plan reads to its
    name in the files.
    """

    source_bucket: str
    bucket: str
    file_format: str
    taken_at: datetime
    columns: tuple[str, ...]
    files: tuple[InventoryFile, ...]

    @property
    def names(self) -> Mapping[InventoryColumn, str]:
        """The available columns that a plan reads."""
        found = {each.replace("_", "").lower(): each for each in self.columns}
        return {column: found[column] for column in InventoryColumn if column in found}

    @property
    def lacking(self) -> tuple[str, ...]:
        """The optional fields that the inventory does not have."""
        return tuple(name for column, name in OPTIONAL_FIELDS.items() if column not in self.names)


def parse_inventory_manifest(text: bytes) -> InventoryManifest:
    """Parse a ``manifest.json``; raises InvalidInventoryError."""
    given = _object(text)
    manifest = InventoryManifest(
        _bucket(given, "sourceBucket"),
        _bucket(given, "destinationBucket"),
        _format(given),
        _instant(_text(given, "creationTimestamp")),
        _columns(given),
        tuple(map(_file, _list(given, "files"))),
    )
    _check_columns(manifest)
    return manifest


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInventoryError("it is not JSON: name its manifest.json") from None
    if not isinstance(given, dict):
        raise InvalidInventoryError("it is not a JSON object: name its manifest.json")
    return given


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInventoryError(f"its {name} is missing: name its manifest.json")
    return value


def _list(given: Mapping[str, Any], name: str) -> list[Any]:
    value = given.get(name)
    if not isinstance(value, list) or not value:
        raise InvalidInventoryError(f"its list of {name} is missing or empty")
    return value


def _bucket(given: Mapping[str, Any], name: str) -> str:
    found = _ARN.fullmatch(_text(given, name))
    if found is None:
        raise InvalidInventoryError(f"its {name} is not the name or ARN of a bucket")
    return found[1]


def _format(given: Mapping[str, Any]) -> str:
    text = _text(given, "fileFormat")
    if text.lower() == _ORC:
        raise InvalidInventoryError(
            "its files are ORC, which is not supported: choose Parquet or CSV in the inventory's "
            "configuration"
        )
    if text.lower() not in _FORMATS:
        raise InvalidInventoryError(f"its fileFormat is {displayable(text)}, not CSV or Parquet")
    return _FORMATS[text.lower()]


def _instant(text: str) -> datetime:
    """Milliseconds since 1970."""
    try:
        return datetime.fromtimestamp(int(text) / _MILLISECONDS, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidInventoryError("its creationTimestamp is not a time") from None


def _columns(given: Mapping[str, Any]) -> tuple[str, ...]:
    schema = _text(given, "fileSchema")
    read: Mapping[str, Callable[[str], list[str]]] = {
        CSV: lambda text: [each.strip() for each in text.split(",")],
        PARQUET: _PARQUET_COLUMN.findall,
    }
    return tuple(read[_format(given)](schema))


def _file(given: Any) -> InventoryFile:
    if not isinstance(given, dict):
        raise InvalidInventoryError("one of its files has no key")
    md5 = _text(given, "MD5checksum").lower()
    if not _MD5.fullmatch(md5):
        raise InvalidInventoryError("the MD5checksum of one of its files is not an MD5")
    return InventoryFile(_text(given, "key"), md5)


def _check_columns(manifest: InventoryManifest) -> None:
    names = manifest.names
    if InventoryColumn.KEY not in names:
        raise InvalidInventoryError("its fileSchema has no column Key")
    if InventoryColumn.SIZE not in names:
        raise InvalidInventoryError(
            "it does not tell sizes: add the field Size to the inventory's configuration"
        )
    if InventoryColumn.VERSION in names and InventoryColumn.IS_LATEST not in names:
        raise InvalidInventoryError("it lists versions and does not tell which are the latest")
