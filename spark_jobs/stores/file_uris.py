"""Local paths as file URIs: RFC 8089 without remote hosts."""

from __future__ import annotations

from urllib.parse import unquote


def is_file_uri(uri: str) -> bool:
    """Whether the text is a file URI, ``file:///path`` or ``file:/path``, valid or not."""
    return uri[:5].lower() == "file:"


def path_of(uri: str) -> str:
    """The absolute path that a file URI names, with percent-escapes decoded.

    Raises ValueError with the reason if it names another machine or has more than a path.
    """
    path = uri[5:]
    if path.startswith("//"):
        host, slash, path = path[2:].partition("/")
        if host.lower() not in {"", "localhost"}:
            raise ValueError("it names another machine: write file:///path with three slashes")
        path = slash + path
    if not path.startswith("/") or "?" in path or "#" in path:
        raise ValueError("it is not an absolute path: write file:///path, with ? as %3F, # as %23")
    path = unquote(path, errors="surrogateescape")
    if "\0" in path:
        raise ValueError("a path cannot hold a null character")
    return "/" + path.lstrip("/")
