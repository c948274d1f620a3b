"""The page at `/`, and the client for other pages at `/eitherway.js`: built from `demo/`, kept in memory."""

import functools
import gzip
import hashlib
import html
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import web

STATIC: Final = Path(__file__).parent / "static"

INVITE: Final = web.AppKey("invite", str)
"""The host name under which other machines reach this one; set it in the application before that starts."""

NOT_BUILT: Final = """\
The page is not built: this server runs from a source checkout. Build it with `make page`
(Node.js 20 or newer, or none at all: the Makefile takes it from PyPI), then start the server again.
"""

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Nothing from elsewhere, nothing inline, and no text ever becomes markup, whatever the page does with it."""

_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
}
_FOR_OTHERS: Final = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_PACKED: Final = {".woff2"}
"""Compressed as they are."""
_PLACE: Final = 'name="eitherway-invite" content=""'

_Handler = Callable[[web.Request], Awaitable[web.Response]]


def add_page(app: web.Application) -> None:
    """Adds a route for each file that was built. Where there is none, `/` tells how to build them."""
    files = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.suffix in _TYPES}
    if "index.html" not in files:
        for path in ("/", "/eitherway.js"):
            app.router.add_get(path, _not_built)
        return
    index = files.pop("index.html").read_text()

    @functools.lru_cache(maxsize=1)
    def asset(invite: str) -> _Asset:
        return _Asset.of(index.replace(_PLACE, _PLACE[:-1] + html.escape(invite) + '"').encode(), ".html")

    async def page(request: web.Request) -> web.Response:
        return _answer(request, asset(request.app.get(INVITE, "")), cache="no-cache")

    app.router.add_get("/", page)
    for name, file in files.items():
        app.router.add_get(f"/{name}", _serve(name, file))


class _Asset(NamedTuple):
    body: bytes
    packed: bytes | None
    etag: str
    type: str

    @classmethod
    def of(cls, body: bytes, suffix: str) -> "_Asset":
        packed = None if suffix in _PACKED else gzip.compress(body, mtime=0)
        return cls(body, packed, f'W/"{hashlib.sha256(body).hexdigest()[:20]}"', _TYPES[suffix])


def _serve(name: str, path: Path) -> _Handler:
    body = path.read_bytes()
    asset = functools.cache(lambda: _Asset.of(body, path.suffix))  # compressed when it is asked for, not at the start
    # The names of assets change with their content; the others are looked at anew each time.
    cache = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
    extra = _FOR_OTHERS if name == "eitherway.js" else {}

    async def serve(request: web.Request) -> web.Response:
        return _answer(request, asset(), cache=cache, extra=extra)

    return serve


def _answer(request: web.Request, asset: _Asset, *, cache: str, extra: dict[str, str] | None = None) -> web.Response:
    headers = {**_HEADERS, **(extra or {}), "ETag": asset.etag, "Cache-Control": cache}
    if asset.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = asset.type
    if asset.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=asset.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=asset.body, headers=headers)


async def _not_built(_: web.Request) -> web.Response:
    return web.Response(status=404, text=NOT_BUILT, headers={"X-Content-Type-Options": "nosniff"})
