"""The tables that are made from the code: `python -m tests.docs.generated` writes them anew."""

import ast
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from peers.cli import main as command
from signalling.app import Signalling
from signalling.config import PREFIX, Config
from tests.docs.markdown import ROOT

REFERENCE: Final = ROOT / "docs/reference.md"
ARCHITECTURE: Final = ROOT / "docs/architecture.md"


def server_options() -> list[str]:
    """Every option of the server."""
    lines = ["| flag | variable | default | meaning |", "| --- | --- | --- | --- |"]
    for field in msgspec.structs.fields(Config):
        kind = msgspec.inspect.type_info(field.type)
        assert isinstance(kind, msgspec.inspect.Metadata)
        described = (kind.extra_json_schema or {})["description"]
        flag = "--" + field.name.replace("_", "-")
        if isinstance(field.default, bool):
            flag += f"`, `--no-{flag[2:]}"
        lines.append(f"| `{flag}` | `{PREFIX}{field.name.upper()}` | {shown(field.default)} | {described} |")
    return lines


def command_options(commands: tuple[str, ...]) -> list[str]:
    """Every option of some commands."""
    lines = ["| option | of | default | meaning |", "| --- | --- | --- | --- |"]
    options: dict[tuple[str, str, str], list[str]] = {}
    context = click.Context(command)
    for name in commands:
        found: click.Command | None = command
        for word in name.split(" "):
            assert isinstance(found, click.Group)
            found = found.get_command(context, word)
        assert found is not None
        for parameter in found.params:
            if isinstance(parameter, click.Option):
                names = ", ".join(f"`{spelling}`" for spelling in reversed(parameter.opts))
                if isinstance(parameter.type, click.Choice):
                    names += ": " + ", ".join(f"`{choice}`" for choice in parameter.type.choices)
                options.setdefault((names, shown(parameter.default), parameter.help or ""), []).append(name)
    for (names, default, described), of in options.items():
        lines.append(
            f"| {names} | {'all' if len(of) == len(commands) > 1 else ', '.join(of)} | {default} | {described} |"
        )
    return lines


def shown(default: Any) -> str:
    """A default as people read it."""
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, int | float):
        return f"{default:,.10g}" if default >= 10_000 else f"{default:g}"
    return f"`{default}`" if isinstance(default, str) and default else ""


def modules(wing: str) -> dict[str, str]:
    """Every module and package of a wing, and what the first sentence of its docstring says."""
    found = {}
    for path in sorted((ROOT / wing).rglob("*.py")):
        name = str(path.relative_to(ROOT / wing)).removesuffix("__init__.py")
        if name:
            found[name] = first_sentence(path)
    return found


def first_sentence(path: Path) -> str:
    """What a module is for, without where to read on."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    text = re.sub(r" ?\(docs/[^)]*\)", "", " ".join(text.split("\n\n")[0].split()))
    return text.split(". ")[0].rstrip(".:")


def rooms(wing: str) -> list[str]:
    """A row for each module and package of a wing."""
    rows = [f"| `{name}` | {purpose} |" for name, purpose in modules(wing).items()]
    return ["| room | what it is for |", "| --- | --- |", *rows]


def metrics() -> list[str]:
    """Every metric of a server's own."""
    signalling = Signalling(Config())
    signalling.aiohttp_app()
    lines = ["| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
    for metric in signalling.registry.collect():
        if metric.name.startswith("eitherway_"):
            name = metric.name + ("_total" if metric.type == "counter" else "")
            labels = ", ".join(f"`{label}`" for label in getattr(metric, "_labelnames", ()))
            lines.append(f"| `{name}` | {metric.type} | {labels} | {metric.documentation} |")
    return lines


TABLES: Final[dict[str, Callable[[], list[str]]]] = {
    "## Metrics": metrics,
    "## Server options": server_options,
    "### Options of `chat`, `ping` and `pipe`": partial(command_options, ("chat", "ping", "pipe")),
    "### Options of `bot`": partial(command_options, ("bot",)),
    "### Options of `webhooks`": partial(command_options, ("webhooks listen", "webhooks dead", "webhooks replay")),
    "### Options of `token`": partial(command_options, ("token",)),
    "### Options of `doctor`": partial(command_options, ("doctor",)),
}


def with_table(text: str, heading: str, table: list[str]) -> str:
    """The page with the first table after a heading replaced."""
    lines = text.splitlines()
    begin = next(n for n in range(lines.index(heading), len(lines)) if lines[n].startswith("|"))
    end = next((n for n in range(begin, len(lines)) if not lines[n].startswith("|")), len(lines))
    return "\n".join([*lines[:begin], *table, *lines[end:]]) + "\n"


def renew(page: Path, tables: dict[str, Callable[[], list[str]]]) -> None:
    """Write the tables of a page anew."""
    text = page.read_text()
    for heading, make in tables.items():
        text = with_table(text, heading, make())
    page.write_text(text)


if __name__ == "__main__":
    renew(REFERENCE, TABLES)
    renew(ARCHITECTURE, {f"### The rooms of {wing}": partial(rooms, wing) for wing in ("peers", "signalling")})
