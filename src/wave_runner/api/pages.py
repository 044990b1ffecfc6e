"""The pages of `wave serve`: what `make ui` has built from `ui/`. They hold nothing of a project; they ask for it."""

from __future__ import annotations

import gzip
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fastapi import Request
from starlette.responses import HTMLResponse, Response

import wave_runner
from wave_runner.api import problems
from wave_runner.api.needs import ASSET, PAGES

if TYPE_CHECKING:
    from fastapi import FastAPI

BUILT = Path(wave_runner.__file__).parent / "web/dist"
BASE = '<base href="/" />'
"""What stands in the built page; every page is told by it where the server's root is."""

HEADERS = {
    # Styles are set by scripts while a page is open; everything else comes from files of ours, by their names.
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
NOT_BUILT = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">{BASE}<title>Wave Runner: the pages were not built</title></head>
<body style="font: 1rem/1.5 sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem">
<h1>The pages were not built</h1>
<p>This is Wave Runner, installed from a checkout without its pages. The HTTP interface answers as usual:
<a href="api/v1/status">api/v1/status</a>, and all else that <a href="api/v1/openapi.json">it describes</a>.</p>
<p>To have the pages, run <code>make ui</code> in the checkout and start <code>wave serve</code> again.</p>
</body></html>
"""


class _Asset(NamedTuple):
    body: bytes
    gzipped: bytes
    media_type: str


def are_built() -> bool:
    """Say whether this installation has the pages."""
    return (BUILT / "index.html").is_file()


def install(app: FastAPI, built: Path = BUILT) -> None:
    """Have the pages answered, as they were built when this process began; or by one that says how to build them."""
    index = built / "index.html"
    page = index.read_text(encoding="utf-8") if index.is_file() else NOT_BUILT
    assets = {path.name: _read(path) for path in sorted(built.glob("assets/*"))}

    async def shell(request: Request) -> Response:
        # Relative, so that it holds behind a proxy that serves this below a path of its own, which nobody need name.
        root = "../" * (request.scope["path"].count("/") - 1) or "./"
        return HTMLResponse(
            page.replace(BASE, f'<base href="{root}" />'), headers={**HEADERS, "Cache-Control": "no-cache"}
        )

    async def asset(request: Request, file: str) -> Response:
        found = assets.get(file)
        if found is None:  # a page of an older version, open since before this server was started, may ask for it
            return problems.answer(404, "not_found", "Not Found", "open the page anew: this server has another version")
        headers = {**HEADERS, "Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(found.body, headers=headers, media_type=found.media_type)
        return Response(found.gzipped, headers={**headers, "Content-Encoding": "gzip"}, media_type=found.media_type)

    for path in PAGES:
        app.add_api_route(path, shell, include_in_schema=False)
    app.add_api_route(ASSET, asset, include_in_schema=False)


def _read(path: Path) -> _Asset:
    body = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _Asset(body, gzip.compress(body, mtime=0), media_type)
