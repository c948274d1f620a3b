"""Public names of classes, and their signatures as docs/reference.md spells them."""

import ast
import inspect
import textwrap
from typing import Any, NamedTuple

import msgspec

from peers import Feed

MADE_BY_THE_LIBRARY = ("Room", "Peer", "Channel", "Message", "Feed", "Watch")
"""Classes that an application never makes itself."""


class Member(NamedTuple):
    """A public name, and how it is used: `await`, `async for`, or as it is."""

    spelled: str
    use: str


def members(kind: type[Any]) -> set[Member]:
    """Constructor, public methods, properties and attributes, methods with their parameters and defaults."""
    found = {Member(name, "") for base in kind.__mro__ if base in (kind, Feed) for name in attributes(base)}
    if kind.__name__ not in MADE_BY_THE_LIBRARY and not issubclass(kind, msgspec.Struct):
        found.add(Member(spell(kind.__name__, vars(kind)["__init__"]), ""))
    names = {name for base in kind.__mro__ for name in vars(base) if not name.startswith("_")}
    for name in names:
        value = inspect.getattr_static(kind, name)
        function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        found.add(Member(spell(name, function), use_of(function)) if inspect.isfunction(function) else Member(name, ""))
    if hasattr(kind, "__aiter__"):
        found.add(Member("async for", "async for"))
    return found


def attributes(kind: type[Any]) -> set[str]:
    """Public attributes that the constructor sets."""
    names = set()
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(kind)))):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            for target in ast.walk(node.targets[0] if isinstance(node, ast.Assign) else node.target):
                if (
                    isinstance(target, ast.Attribute)
                    and isinstance(target.value, ast.Name)
                    and target.value.id == "self"
                ):
                    names.add(target.attr)
    return {name for name in names if not name.startswith("_")}


def use_of(function: Any) -> str:
    """How a call is used."""
    if inspect.iscoroutinefunction(function):
        return "await"
    return "async for" if inspect.isasyncgenfunction(function) else ""


def spell(name: str, function: Any) -> str:
    """A call with its parameters' names and defaults, as a user writes it."""
    parts: list[str] = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        text = ("**" if parameter.kind is inspect.Parameter.VAR_KEYWORD else "") + parameter.name
        default = parameter.default
        if isinstance(default, str | int | float | bool | tuple | None):
            text += "=" + repr(default).replace("'", '"')
        elif default is not inspect.Parameter.empty:
            text += "=..."
        parts.append(text)
    return f"{name}({', '.join(parts)})"
