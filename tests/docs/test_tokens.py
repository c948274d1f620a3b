"""docs/how-to/tokens.md: what it says of keys is done in a shell, and what it lists is what there is."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest

from signalling.access import Grant
from signalling.keys import read_keys
from signalling.tokens import Verifier
from tests.docs.markdown import ROOT, blocks, plain, table

PAGE = "docs/how-to/tokens.md"


def test_grants() -> None:
    assert [plain(row["grant"]) for row in table(PAGE, "| `attributes` | what others see")] == list(get_args(Grant))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the command openssl")
def test_keys_are_made_as_it_says(tmp_path: Path) -> None:
    (block,) = (block for block in blocks(ROOT / PAGE) if "genpkey" in block.text)
    lines = [line for line in block.text.splitlines() if " serve " not in line]
    (tmp_path / "eitherway").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m peers.cli "$@"\n')
    (tmp_path / "eitherway").chmod(0o755)
    ran = subprocess.run(
        ["sh", "-e", "-c", "\n".join(lines)],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    keys = read_keys((tmp_path / "public.pem").read_bytes())
    assert Verifier(keys).access(ran.stdout.split()[-1], time.time()).rooms == ("lobby",)
