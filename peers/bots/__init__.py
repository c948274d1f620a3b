"""The demo's bots, as `peers.bots.echo:bot`: in a wheel they are here, in a checkout in demo/bots."""

from pathlib import Path

_HERE = Path(__file__).parent
_SOURCE = _HERE.parent.parent / "demo" / "bots"
if not (_HERE / "echo.py").exists() and (_SOURCE / "echo.py").exists():
    __path__.append(str(_SOURCE))
