"""Serves docs/ and reports as pages, which checks link to: Dagster's webserver has no files."""

import html
import itertools
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from checkout_assets.domain.errors import UsageError

_PAGE = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}}
table{{border-collapse:collapse}}td,th{{border:1px solid #ccc;padding:.3rem .6rem;text-align:left}}
code{{background:#f3f3f3;padding:0 .2rem}}:target{{background:#fff3b0}}</style>{body}"""

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of every page: no scripts, and nothing from other hosts."""

_REPORT_POLICY = f"{_POLICY}; script-src 'unsafe-inline'"
"""For reports; a report's own policy, which applies too, allows only its own script."""

_NOT_FOUND = "# Not found\nThere is no such page."


def render_markdown(markdown: str, title: str) -> str:
    """A Markdown document as an HTML page with GitHub's anchors for headings."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    for opening, content in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor_of(content.content))
    body = parser.renderer.render(tokens, parser.options, {})
    return _PAGE.format(title=html.escape(title), body=body)


def anchor_of(heading: str) -> str:
    """GitHub's anchor for a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


def _document(docs: Path, path: str) -> str | None:
    """A Markdown document as a page; None if there is none with that name."""
    name = path.removesuffix(".html").removesuffix(".md") or "runbook"
    page = docs / f"{name}.md"
    if not re.fullmatch(r"[a-z]+(/[a-z0-9]+)?", name) or not page.is_file():
        return None
    return render_markdown(page.read_text(), name)


def _report(reports: Path | None, path: str) -> str | None:
    """A report, which is a complete page; None if there is none with that name."""
    name = re.fullmatch(r"reports/([0-9TZ-]+\.html)", path)
    if reports is None or name is None or not (reports / name[1]).is_file():
        return None
    return (reports / name[1]).read_text()


@contextmanager
def serve(docs: Path, port: int = 0, reports: Path | None = None) -> Iterator[str]:
    """Serve the Markdown files in and below ``docs`` on this machine only; yields the URL.

    The pages of ``reports`` are served below ``reports/``.
    """

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0].strip("/")
            report = _report(reports, path)
            page = report or _document(docs, path)
            self.send_response(HTTPStatus.OK if page else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", _REPORT_POLICY if report else _POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write((page or render_markdown(_NOT_FOUND, "Not found")).encode())

        def log_message(self, *_: object) -> None:
            """Log nothing: the terminal is Dagster's."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Pages)
    except OSError as error:
        raise UsageError(
            f"Port {port} of this machine, where the runbook is served, is taken: {error.strerror}."
        ) from None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
