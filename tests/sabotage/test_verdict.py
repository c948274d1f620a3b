"""What counts as noticing."""

import pytest

from tests.sabotage.plugin import names
from tests.sabotage.verdict import why_not


def noted(error: BaseException, when: str = "call", outcome: str = "failed") -> dict[str, object]:
    """As the plugin notes it."""
    return {"outcome": outcome, "when": when, "errors": names(error), "message": str(error)}


@pytest.mark.parametrize(
    "error",
    [
        AssertionError("no"),
        TimeoutError(),
        KeyError("error"),
        ValueError("beyond"),
        pytest.fail.Exception("DID NOT RAISE"),
        BaseExceptionGroup("several", [AssertionError()]),
    ],
)
@pytest.mark.parametrize("when", ["call", "teardown"])
def test_a_test_that_fails_by_what_it_looks_at_has_noticed(error: BaseException, when: str) -> None:
    assert why_not(noted(error, when)) is None


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("no module"),
        AttributeError("no such name"),
        UnboundLocalError("x"),
        TypeError("takes 2 arguments"),
        RecursionError(),
        BaseExceptionGroup("several", [AssertionError(), NameError()]),
    ],
)
def test_a_mistake_proves_nothing(error: BaseException) -> None:
    assert "a mistake" in str(why_not(noted(error)))


def test_neither_does_a_test_that_passes_or_cannot_begin_or_does_not_run() -> None:
    assert why_not(None) == "did not run"
    assert why_not({"outcome": "passed"}) == "passed with it"
    assert why_not({"outcome": "skipped"}) == "skipped with it"
    assert why_not(noted(AssertionError("port taken"), "setup")) == "could not begin: port taken"
