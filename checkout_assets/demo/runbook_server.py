"""Serve docs/ as pages, because Dagster's webserver serves no files: red checks link here."""

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


def render(markdown: str, title: str) -> str:
    """A Markdown document as a page whose headings can be linked to, as GitHub names them."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    for opening, content in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor_of(content.content))
    body = parser.renderer.render(tokens, parser.options, {})
    return _PAGE.format(title=html.escape(title), body=body)


def anchor_of(heading: str) -> str:
    """The anchor GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


@contextmanager
def serve(docs: Path, port: int = 0) -> Iterator[str]:
    """Serve the Markdown files of ``docs``, and below it, on this machine only; gives the URL."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0].strip("/")
            name = path.removesuffix(".html").removesuffix(".md") or "runbook"
            page = docs / f"{name}.md"
            known = re.fullmatch(r"[a-z]+(/[a-z0-9]+)?", name) and page.is_file()
            self.send_response(HTTPStatus.OK if known else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            text = page.read_text() if known else "# Not found\nThere is no such page."
            self.wfile.write(render(text, name).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing: the terminal belongs to Dagster."""

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
