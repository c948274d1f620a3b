"""The suite of paths, run on a pair in memory."""

from tests.paths.check_path import check_path
from tests.paths.memory import make_memory_pair

TestMemoryPath = check_path(make_memory_pair)
