"""Whether a test that failed under a switch failed because it noticed."""

from typing import Any, Final

MISTAKES: Final = frozenset(
    {"ImportError", "NameError", "AttributeError", "SyntaxError", "TypeError", "RecursionError"}
)
"""Errors that say that the switch itself, or the test, is broken."""


def why_not(noted: dict[str, Any] | None) -> str | None:
    """Why a test under a switch proves nothing; None: it failed by what it looks at."""
    if noted is None:
        return "did not run"
    if noted["outcome"] != "failed":
        return f"{noted['outcome']} with it"
    if noted["when"] == "setup":
        return f"could not begin: {noted['message']}"
    if mistakes := MISTAKES.intersection(noted["errors"]):
        return f"failed by a mistake ({min(mistakes)}): {noted['message']}"
    return None
