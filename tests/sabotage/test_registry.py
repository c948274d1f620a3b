"""The switches fit the rules, and the tests beside them are there."""

import re
from collections import Counter

import pytest

from tests.docs.markdown import ROOT
from tests.sabotage.nodes import function_of
from tests.sabotage.registry import MODULES, PROMISES, RULES, SWITCHES, WITHOUT
from tests.sabotage.switch import Switch


@pytest.mark.parametrize("name", SWITCHES)
def test_the_tests_beside_a_switch_exist(name: str) -> None:
    switch = SWITCHES[name]
    assert switch.tests
    assert len(set(switch.tests)) == len(switch.tests)
    for test in switch.tests:
        assert callable(function_of(test))
        assert (ROOT / test.partition("::")[0]).exists()


def test_every_switch_has_a_name_of_its_own_and_words() -> None:
    names = Counter(switch.name for module in MODULES for switch in module.SWITCHES)
    assert [name for name, count in names.items() if count > 1] == []
    assert set(names) == set(SWITCHES)
    for switch in SWITCHES.values():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", switch.name)
        assert switch.rules
        assert set(switch.rules) <= PROMISES.keys() | RULES.keys()
        assert "|" not in switch.broken


def test_there_is_a_module_for_every_part() -> None:
    here = {path.stem for path in (ROOT / "tests/sabotage/switches").glob("*.py")} - {"__init__"}
    assert here == {module.__name__.rpartition(".")[2] for module in MODULES}


@pytest.mark.parametrize("rule", [*PROMISES, *RULES])
def test_every_promise_and_rule_has_a_switch_or_a_reason(rule: str) -> None:
    leaning = [switch for switch in SWITCHES.values() if rule in switch.rules]
    assert bool(leaning) is not bool(WITHOUT.get(rule)), "one of the two, not both"


def test_the_rules_are_those_that_the_code_names() -> None:
    """The protocol's rules are called by the same names everywhere."""
    named: set[str] = set()
    for wing in ("peers", "signalling"):
        for path in (ROOT / wing).rglob("*.py"):
            named |= set(re.findall(r"\b([SKV]\d{1,2})\b", path.read_text()))
    assert named <= RULES.keys()


def test_every_switch_is_off_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A switch breaks one place or two, and what it broke is mended when its patch is undone."""

    def breaks(switch: Switch) -> int:
        with pytest.MonkeyPatch.context() as patch:
            switch.breaker(patch)
            places = [
                (owner, name, vars(owner).get(name)) for owner, name, _ in patch._setattr if name != "__defaults__"
            ]
        for owner, name, broken in places:
            assert vars(owner).get(name) is not broken, (switch.name, name)
        return len(places)

    assert all(breaks(switch) <= 2 for switch in SWITCHES.values())
