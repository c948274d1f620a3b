"""Reads the project's Markdown: tables, fenced blocks and links, with the heading or sentence that they stand under."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), ROOT / "demo/README.md", ROOT / "CHANGELOG.md"])

Row = dict[str, str]
_UNITS = {"": 1.0, "B": 1.0, "KiB": 1024.0, "MiB": 1024.0 * 1024.0, "s": 1.0}


class Block(NamedTuple):
    """A fenced block: its page, the line that it begins on, what follows the fence, and its text."""

    page: Path
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    text: list[str] | None = None
    info, start = "", 0
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            if text is None:
                text, info, start = [], line[3:].strip(), number
            else:
                found.append(Block(page, start, info, "\n".join(text) + "\n"))
                text = None
        elif text is not None:
            text.append(line)
    assert text is None, f"{page}: a fence is not closed"
    return found


def table(page: str, after: str) -> list[Row]:
    """The first table after a line that begins with `after`, as rows by the names of their columns."""
    lines = iter((ROOT / page).read_text().splitlines())
    assert any(line.startswith(after) for line in lines), f"{page} has no line that begins with {after!r}"
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))])
        elif rows or line.startswith("#"):
            break
    assert len(rows) > 2, f"{page} has no table after {after!r}"
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def plain(cell: str) -> str:
    """A cell without backticks."""
    return cell.replace("`", "")


def quantity(cell: str) -> float:
    """A number as the pages write them: `16,384 B`, `1 MiB`, `0.35 s`, `64`."""
    found = re.fullmatch(r"([\d,]+(?:\.\d+)?)(?: (B|KiB|MiB|s))?", cell)
    assert found, f"no quantity: {cell!r}"
    return float(found[1].replace(",", "")) * _UNITS[found[2] or ""]


def anchors(page: Path) -> set[str]:
    """What links into a page may name: its headings as GitHub spells them."""
    found, inside = set(), False
    for line in page.read_text().splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside and (heading := re.match(r"#+ (.*)", line)):
            text = re.sub(r"[^\w\- ]", "", heading[1].lower())
            found.add(text.strip().replace(" ", "-"))
    return found


def links(page: Path) -> list[str]:
    """The targets of all links in a page, outside fenced blocks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)
