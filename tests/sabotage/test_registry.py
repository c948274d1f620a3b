"""The switches fit the rules, and the tests beside them are there."""

import re
from collections import Counter

import pytest

from tests.docs.markdown import ROOT
from tests.sabotage.nodes import function_of
from tests.sabotage.registry import MODULES, PARTS, PROMISES, RULES, SWITCHES, WITHOUT


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
        assert set(switch.rules) <= PROMISES.keys() | RULES.keys() | PARTS.keys()
        assert "|" not in switch.broken


def test_there_is_a_module_for_every_part() -> None:
    here = {path.stem for path in (ROOT / "tests/sabotage/switches").glob("*.py")} - {"__init__"}
    assert here == {module.__name__.rpartition(".")[2] for module in MODULES}


@pytest.mark.parametrize("rule", [*PROMISES, *RULES, *PARTS])
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


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_fits_the_product_and_is_off_again(name: str) -> None:
    """A name that it replaces may have gone, and then the switch must follow. What it replaces it gives back."""
    with pytest.MonkeyPatch.context() as patch:
        SWITCHES[name].breaker(patch)
        places = [(owner, each, vars(owner).get(each)) for owner, each, _ in patch._setattr if each != "__defaults__"]
    assert len(places) <= 2
    for owner, each, broken in places:
        assert vars(owner).get(each) is not broken, each
