"""Tests by their node ids."""

import importlib
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.sabotage.switch import Switch


@cache
def function_of(node: str) -> Callable[..., Any]:
    """The function of a test. Raises ImportError or AttributeError if there is none."""
    path, *names = node.partition("[")[0].split("::")
    found: Any = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    for name in names:
        found = getattr(found, name)
    assert callable(found)
    return found  # type: ignore[no-any-return]


def is_quick(switch: Switch) -> bool:
    """Whether no test beside a switch needs an event loop, and so neither sockets nor waiting."""
    return not any(inspect.iscoroutinefunction(function_of(test)) for test in switch.tests)
