"""The tables of docs/reference.md that are made from the code: `python -m tests.docs.generated` writes them anew."""

from collections.abc import Callable
from typing import Any, Final

import click
import msgspec

from peers.cli import main as command
from signalling.config import PREFIX, Config
from tests.docs.markdown import ROOT

PAGE: Final = ROOT / "docs/reference.md"
COMMANDS: Final = ("chat", "ping", "pipe")


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


def command_options() -> list[str]:
    """Every option of the commands that join a room."""
    lines = ["| option | of | default | meaning |", "| --- | --- | --- | --- |"]
    options: dict[tuple[str, str, str], list[str]] = {}
    context = click.Context(command)
    for name in COMMANDS:
        found = command.get_command(context, name)
        assert found is not None
        for parameter in found.params:
            if isinstance(parameter, click.Option):
                names = ", ".join(f"`{spelling}`" for spelling in reversed(parameter.opts))
                if isinstance(parameter.type, click.Choice):
                    names += ": " + ", ".join(f"`{choice}`" for choice in parameter.type.choices)
                options.setdefault((names, shown(parameter.default), parameter.help or ""), []).append(name)
    for (names, default, described), of in options.items():
        lines.append(f"| {names} | {'all' if len(of) == len(COMMANDS) else ', '.join(of)} | {default} | {described} |")
    return lines


def shown(default: Any) -> str:
    """A default as people read it."""
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, int | float):
        return f"{default:,.10g}" if default >= 10_000 else f"{default:g}"
    return f"`{default}`" if isinstance(default, str) and default else ""


TABLES: Final[dict[str, Callable[[], list[str]]]] = {
    "## Server options": server_options,
    "### Options of `chat`, `ping` and `pipe`": command_options,
}


def with_table(text: str, heading: str, table: list[str]) -> str:
    """The page with the first table after a heading replaced."""
    lines = text.splitlines()
    begin = next(n for n in range(lines.index(heading), len(lines)) if lines[n].startswith("|"))
    end = next((n for n in range(begin, len(lines)) if not lines[n].startswith("|")), len(lines))
    return "\n".join([*lines[:begin], *table, *lines[end:]]) + "\n"


if __name__ == "__main__":
    page = PAGE.read_text()
    for heading, make in TABLES.items():
        page = with_table(page, heading, make())
    PAGE.write_text(page)
