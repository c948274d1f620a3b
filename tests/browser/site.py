"""The site of the tests: documents without a design, the client as it is built, and what talks with it."""

import subprocess
import sys
from pathlib import Path

from aiohttp import web

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).with_name("site")
NOBLE = ROOT / "demo" / "node_modules" / "@noble" / "hashes"


def build_client() -> Path:
    """The client as the server serves it, built if its sources have changed. Raises CalledProcessError."""
    subprocess.run([sys.executable, str(ROOT / "demo" / "build_page.py")], check=True)
    return ROOT / "signalling" / "http" / "static" / "eitherway.js"


def site(client: Path) -> web.Application:
    """The site. `client` is the built client."""
    app = web.Application()

    async def bundle(_: web.Request) -> web.FileResponse:
        return web.FileResponse(client, headers={"Cache-Control": "no-cache"})

    app.router.add_get("/eitherway.js", bundle)
    app.router.add_static("/noble/", NOBLE)
    app.router.add_static("/", FILES)
    return app
