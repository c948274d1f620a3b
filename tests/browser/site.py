"""The site of the tests: documents without a design, the client as it is built, and what talks with it."""

import subprocess
import sys
from pathlib import Path

from aiohttp import web

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).with_name("site")
NOBLE = ROOT / "demo" / "node_modules" / "@noble" / "hashes"


def build_client(folder: Path) -> Path:
    """Build the client as the server serves it; the file. Raises CalledProcessError: npm has said why."""
    options = ("--outDir", str(folder), "--logLevel", "error")
    build = ("exec", "--workspace", "client", "--", "vite", "build", *options)
    subprocess.run([sys.executable, str(ROOT / "demo" / "node.py"), *build], check=True)
    return folder / "eitherway.js"


def site(client: Path) -> web.Application:
    """The site. `client` is the built client."""
    app = web.Application()

    async def bundle(_: web.Request) -> web.FileResponse:
        return web.FileResponse(client, headers={"Cache-Control": "no-cache"})

    app.router.add_get("/eitherway.js", bundle)
    app.router.add_static("/noble/", NOBLE)
    app.router.add_static("/", FILES)
    return app
