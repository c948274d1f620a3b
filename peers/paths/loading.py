"""aiortc, loaded when the first direct path is tried.

Importing it takes 0.4 s (it loads PyAV). In a thread it stalls the event loop for 13 ms instead of 250.
"""

import asyncio
import importlib
import importlib.util
import sys
from types import ModuleType

STACK = "peers.paths.stack"
"""The module behind which everything is that needs aiortc."""

_failure: Exception | None = None


class DirectUnavailable(ConnectionError):
    """aiortc cannot be imported here, so there are no direct paths; the relay carries on without them."""


def direct_available() -> bool:
    """Whether direct paths can be tried here, without importing aiortc. False once an import of it has failed."""
    return _failure is None and importlib.util.find_spec("aiortc") is not None


def stack_loaded() -> bool:
    """Whether aiortc costs nothing more: it is loaded, or being loaded, or cannot be."""
    return _failure is not None or STACK in sys.modules


async def load_stack() -> ModuleType:
    """The module `peers.paths.stack`, imported in a thread the first time.

    Raises:
        DirectUnavailable: it cannot be imported (a library that PyAV needs is missing, say). Not tried twice.
    """
    global _failure
    if _failure is None:
        try:
            return await asyncio.to_thread(importlib.import_module, STACK)
        # A broken binary wheel raises all sorts: ImportError, OSError, AttributeError.
        except Exception as error:
            _failure = error
    raise DirectUnavailable(f"aiortc cannot be imported: {_failure}") from _failure
