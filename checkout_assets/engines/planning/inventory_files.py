"""Reads an S3 Inventory's manifest and files, from S3 or from a directory of this machine."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.planning.inventory import (
    InvalidInventoryError,
    InventoryFile,
    InventoryManifest,
    parse_inventory_manifest,
)
from checkout_assets.engines.aws_setup import check_session
from checkout_assets.engines.locations import LocalLocation, S3Location, parse_location, principal
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import NotFoundError, StoreError

_DATA = "data"
"""The directory of the files beside those of the manifests, as S3 lays them out."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """A manifest, the place from which it was read, and a function that reads its files by key."""

    uri: str
    manifest: InventoryManifest
    read: Callable[[str], bytes]

    def files(self) -> Iterator[tuple[InventoryFile, bytes]]:
        """Each file with its bytes; raises UsageError if one is missing or has other bytes."""
        for file in self.manifest.files:
            data = self.read(file.key)
            if hashlib.md5(data, usedforsecurity=False).hexdigest() != file.md5:
                raise self.refused(f"its file {displayable(file.key)} is not the one it names")
            yield file, data

    def refused(self, reason: str) -> UsageError:
        """The error that says why the inventory cannot be used."""
        return _refused(self.uri, reason)


def open_inventory(uri: str, role_arn: str = "") -> Inventory:
    """Read the manifest at a URI or path; raises UsageError.

    A manifest in S3 names the bucket of its files. Those of a local manifest are beside it, or in
    ``data`` beside it or one directory above. With ``role_arn``, S3 is read with that role.
    """
    try:
        place = parse_location(uri, "inventory")
        if isinstance(place, S3Location):
            session = principal(role_arn)
            check_session(session)
            return _in_s3(place, session)
        return _in_directory(place)
    except InvalidInventoryError as error:
        raise _refused(uri, str(error)) from None


def _in_s3(place: S3Location, session: Any) -> Inventory:
    key = place.prefix.rstrip("/")
    manifest = parse_inventory_manifest(_get(S3Location(place.bucket), place.uri, session)(key))
    return Inventory(place.uri, manifest, _get(S3Location(manifest.bucket), place.uri, session))


def _get(bucket: S3Location, uri: str, session: Any) -> Callable[[str], bytes]:
    store = bucket.open(session)

    def get(key: str) -> bytes:
        named = displayable(f"{bucket.uri}/{key}")
        try:
            return store.get(key).data
        except NotFoundError:
            raise _refused(uri, f"there is no {named}") from None
        except StoreError as error:
            reason = meaning_of(displayable(error.code), "S3 answers {code}")
            raise _refused(uri, f"{named}: {reason}") from None

    return get


def _in_directory(place: LocalLocation) -> Inventory:
    directory = place.path.parent
    around = (directory, directory / _DATA, directory.parent / _DATA)

    def read(key: str) -> bytes:
        name = Path(key).name
        found = next((each / name for each in around if (each / name).is_file()), None)
        if found is None:
            raise _refused(
                place.uri,
                f"its file {displayable(name)} is neither beside it nor in {_DATA} beside it or "
                "one directory above",
            )
        return _bytes_of(found, place.uri)

    return Inventory(place.uri, parse_inventory_manifest(_bytes_of(place.path, place.uri)), read)


def _bytes_of(path: Path, uri: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _refused(uri, f"{displayable(path.name)}: {error.strerror}") from None


def _refused(uri: str, reason: str) -> UsageError:
    return UsageError(f"The inventory {displayable(uri)} cannot be used: {reason}.")
