"""The page says what was found, gaps included, and of each switch when."""

from tests.sabotage.registry import PARTS, PROMISES, RULES, SWITCHES
from tests.sabotage.report import Page, Row, document, read, row, run
from tests.sabotage.running import Others, Result

FIRST = next(iter(SWITCHES.values()))
GAP = f"{FIRST.tests[0]}: passed with it"


def rows() -> dict[str, Row]:
    """Of a run in which one switch was not noticed."""
    found = {name: row(Result(switch, len(switch.tests), 0.5, ()), None) for name, switch in SWITCHES.items()}
    found[FIRST.name] = row(Result(FIRST, len(FIRST.tests), 0.5, (GAP,)), Others("tests/session", 3, 200))
    return found


def test_every_switch_and_rule_has_a_row_and_a_gap_is_told() -> None:
    page = document(Page((run({"date": "today"}, rows(), "9 of 10 tests pass", 600.0),), rows()))
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(lines) == len(PROMISES) + len(RULES) + len(PARTS) + len(SWITCHES) + 2 * 2
    assert len({line.count(" |") for line in lines}) == 2
    assert f"- switches: {len(SWITCHES)}, of which {len(SWITCHES) - 1} noticed by every test beside them" in page
    assert "9 of 10 tests pass" in page
    (line,) = [line for line in lines if line.startswith(f"| `{FIRST.name}` |")]
    assert GAP in line
    assert "3 of 200 in tests/session" in line
    (line,) = [line for line in lines if line.startswith("| K7 |")]
    assert "none: it promises nothing" in line


def test_a_page_is_read_as_it_was_written() -> None:
    page = Page(("- date: today\n- load: 1", "- date: yesterday"), rows())
    assert read(document(page)) == page


def test_what_a_page_says_of_a_switch_as_it_was_does_not_count() -> None:
    text = document(Page((), rows()))
    assert FIRST.name not in read(text.replace(FIRST.broken, "something else happens")).rows
    assert read(text.replace(f"`{FIRST.name}`", "`of-the-past`")).rows.keys() == SWITCHES.keys() - {FIRST.name}
