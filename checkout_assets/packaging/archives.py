"""Archives whose bytes depend only on their content: sorted names, one time, one owner."""

import gzip
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import NamedTuple

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can have."""
FILE_MODE, _PROGRAM_MODE = 0o644, 0o755
_ANY_EXECUTE_BIT = 0o111
_UNIX = 3


class Member(NamedTuple):
    """A file of an archive; ``path`` has slashes and is relative."""

    path: str
    data: bytes
    executable: bool = False


def python_sources(package: Path) -> Iterator[Member]:
    """The modules of a package's directory, named from the directory that holds it."""
    for path in package.rglob("*.py"):
        yield Member(path.relative_to(package.parent).as_posix(), path.read_bytes())


def files_of_wheel(wheel: Path) -> Iterator[Member]:
    """The files that installing a wheel puts on the module path, under their names there."""
    with zipfile.ZipFile(wheel) as content:
        for entry in content.infolist():
            path = _installed_path(entry.filename)
            if path and not entry.is_dir():
                runs = bool(entry.external_attr >> 16 & _ANY_EXECUTE_BIT)
                yield Member(path, content.read(entry), runs)


def zip_archive(members: Iterable[Member]) -> bytes:
    """A zip file of the members."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for member in _sorted(members).values():
            entry = zipfile.ZipInfo(member.path, _EPOCH)
            entry.create_system = _UNIX
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _mode(member) << 16
            archive.writestr(entry, member.data)
    return buffer.getvalue()


def tar_archive(members: Iterable[Member]) -> bytes:
    """A tar file of the members, for content that is already compressed."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member in _sorted(members).values():
            entry = tarfile.TarInfo(member.path)
            entry.size = len(member.data)
            entry.mode = _mode(member)
            archive.addfile(entry, BytesIO(member.data))
    return buffer.getvalue()


def tar_gz_archive(members: Iterable[Member]) -> bytes:
    """A compressed tar file of the members."""
    return gzip.compress(tar_archive(members), compresslevel=6, mtime=0)


def _sorted(members: Iterable[Member]) -> Mapping[str, Member]:
    """The members, sorted by path; raises ValueError if two different ones have the same path."""
    found: dict[str, Member] = {}
    for member in members:
        if found.setdefault(member.path, member).data != member.data:
            raise ValueError(f"two different files are named {member.path}")
    return dict(sorted(found.items()))


def _mode(member: Member) -> int:
    return _PROGRAM_MODE if member.executable else FILE_MODE


def _installed_path(name: str) -> str:
    """The path of a wheel's file below the module path; empty for scripts and headers."""
    first, *rest = PurePosixPath(name).parts
    if not first.endswith(".data"):
        return name
    return "/".join(rest[1:]) if rest and rest[0] in {"purelib", "platlib"} else ""
