"""The page says what was found, gaps included."""

from tests.sabotage.registry import PARTS, PROMISES, RULES, SWITCHES
from tests.sabotage.report import document
from tests.sabotage.running import Others, Result


def test_every_switch_and_rule_has_a_row_and_a_gap_is_told() -> None:
    results = [Result(switch, len(switch.tests), 0.5, ()) for switch in SWITCHES.values()]
    first = results[0]
    results[0] = first._replace(gaps=(f"{first.switch.tests[0]}: passed with it",))
    others = {first.switch.name: Others("tests/session", 3, 200)}
    page = document({"date": "today"}, results, "9 of 10 tests pass", others, 600.0)
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) == len(PROMISES) + len(RULES) + len(PARTS) + len(SWITCHES) + 2 * 2
    assert len({row.count(" |") for row in rows}) == 2
    assert f"- switches: {len(results)}, of which {len(results) - 1} noticed by every test beside them" in page
    assert "9 of 10 tests pass" in page
    (row,) = [row for row in rows if row.startswith(f"| `{first.switch.name}` |")]
    assert f"{first.switch.tests[0]}: passed with it" in row
    assert "3 of 200 in tests/session" in row
    (row,) = [row for row in rows if row.startswith("| K7 |")]
    assert "none: it promises nothing" in row
