"""A few cells of the matrix of routers; `make network-lab` runs them all."""

from pathlib import Path

import pytest

from tests.network.matrix import Cell, run_cell
from tests.network.stage import side_by_side
from tests.network.turn import why_no_turn

pytestmark = [pytest.mark.network, pytest.mark.slow]

DIRECT: list[Cell] = [
    Cell(("none", "cone"), "none"),
    Cell(("cone", "double"), "stun"),
    Cell(("hairpin", "hairpin"), "stun"),
    Cell(("ipv6", "ipv6"), "none"),
]
TURNED: list[Cell] = [
    Cell(("symmetric", "symmetric"), "turn-udp"),
    Cell(("no-udp", "tcp-443"), "turn-tcp"),
    Cell(("ipv6", "tcp-443"), "turn-tls"),
]
RELAYED: list[Cell] = [
    Cell(("cone", "cone"), "none"),
    Cell(("none", "tcp-443"), "stun"),
    Cell(("symmetric", "symmetric"), "stun"),
    Cell(("cone", "ipv6"), "stun"),
]


async def run(cells: list[Cell], folder: Path) -> dict[Cell, dict[str, object]]:
    works = [lambda cell=cell: run_cell(cell, folder / "-".join((*cell.kinds, cell.way))) for cell in cells]
    results = dict(zip(cells, await side_by_side(works, 3), strict=True))
    assert not any(result["faults"] for result in results.values())
    return results


async def test_holes_are_punched_through_routers_that_allow_it(labs_work: None, tmp_path: Path) -> None:
    for cell, result in (await run(DIRECT, tmp_path)).items():
        assert result["path"] == "direct", cell
        assert "relay" not in result["types"], cell  # type: ignore[operator]


async def test_turn_leads_through_routers_that_do_not(labs_work: None, tmp_path: Path) -> None:
    """With credentials that the server minted, over UDP, TCP and TLS."""
    if (reason := why_no_turn()) is not None:
        pytest.skip(reason)
    for cell, result in (await run(TURNED, tmp_path)).items():
        assert result["path"] == "direct", cell
        assert "relay" in result["types"], cell  # type: ignore[operator]


async def test_the_relay_carries_on_where_nothing_else_does(labs_work: None, tmp_path: Path) -> None:
    for cell, result in (await run(RELAYED, tmp_path)).items():
        assert result["path"] == "relay", cell
