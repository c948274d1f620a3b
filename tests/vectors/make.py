"""Writes the vectors that this library is tested with, and any other in another language can be: see README.md.

python -m tests.vectors.make
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.session import traces
from tests.vectors import codec, keys

HERE: Final = Path(__file__).parent

FILES: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "frames.json": codec.frames,
    "halves.json": keys.halves,
    "ids.json": codec.ids,
    "noise.json": keys.noise,
    "packets.json": keys.packets,
    "session.json": traces.make,
    "statements.json": keys.statements,
    "values.json": codec.packed_values,
}


def text(name: str) -> str:
    """What is to stand in the file."""
    return json.dumps(FILES[name](), indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def main() -> None:
    """Write all files."""
    for name in FILES:
        (HERE / name).write_text(text(name), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
