"""Hundreds of random lives of two sessions: nothing lost, doubled, swapped, stuck or over its bounds.

EITHERWAY_LIVES sets how many; EITHERWAY_LIVES_FROM, where to begin. A failure names its seed.
"""

import os

import pytest

from tests.session.lives import live

COUNT = int(os.environ.get("EITHERWAY_LIVES", "200"))
FIRST = int(os.environ.get("EITHERWAY_LIVES_FROM", "0"))
BATCH = 20


@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, BATCH))
def test_lives(first: int) -> None:
    failures, suspicions = 0, 0
    for seed in range(first, min(first + BATCH, FIRST + COUNT)):
        try:
            result = live(seed)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        failures += result.failures
        suspicions += result.suspicions
    assert failures > 0
    assert suspicions > 0
