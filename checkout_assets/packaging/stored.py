"""The package in a store: reading its manifest and uploading missing files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.packaging.contents import MANIFEST, Package, Role
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import Store, StoreError, open_store
from spark_jobs.stores.terms import NO_TERMS, StoreTerms


@dataclass(frozen=True, slots=True)
class PackagePlace:
    """The place of the package for hosts of one architecture: ``s3://bucket/prefix``.

    ``directory`` is the result of ``make package``, to be uploaded with ``terms``; empty if the
    package is already there.
    """

    uri: str
    architecture: str
    directory: str = ""
    terms: StoreTerms = NO_TERMS

    def provide(self, roles: Sequence[Role]) -> Package:
        """The package, after making sure that its files for these roles are at the place.

        Raises UsageError if they cannot be.
        """
        if self.directory:
            directory = Path(self.directory)
            return upload_package(directory, self.uri, roles, self.architecture, self.terms)
        return find_package(self.uri, roles, self.architecture)


def find_package(place: str, roles: Sequence[Role], architecture: str) -> Package:
    """The package that was uploaded to ``place`` (``s3://bucket/prefix``).

    Raises UsageError if there is none, or if its file for a role is missing.
    """
    store = open_store(place)
    try:
        package = Package.from_json(store.get(MANIFEST).data, place)
        for role in roles:
            artifact = package.find(role, architecture)
            if store.size(artifact.name) != artifact.size:
                raise UsageError(
                    f"{displayable(artifact.name)} is missing at {place}: upload the package again."
                )
    except StoreError as error:
        raise UsageError(
            f"The package cannot be read at {place} ({error.code}): run make package and upload "
            "it there, or set package_directory."
        ) from None
    return package


def upload_package(
    directory: Path,
    place: str,
    roles: Sequence[Role],
    architecture: str,
    terms: StoreTerms = NO_TERMS,
) -> Package:
    """Upload the missing files for these roles, as built by ``make package``, to ``place``.

    Names contain their content's hash, so a file with the same name and size is the same. Every
    file is written with ``terms``.
    """
    package = Package.read(directory)
    store = open_store(place, terms)
    try:
        for role in roles:
            name = package.find(role, architecture).name
            _put_missing(store, directory / name, name)
        store.put(MANIFEST, (directory / MANIFEST).read_bytes())
    except StoreError as error:
        raise UsageError(
            f"The package cannot be put to {place}: "
            f"{meaning_of(error.code, 'the store answers {code}')}."
        ) from None
    return package


def _put_missing(store: Store, path: Path, name: str) -> None:
    if store.size(name) != path.stat().st_size:
        store.put(name, path.read_bytes())
