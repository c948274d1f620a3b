"""What drives browsers: errors in a page fail its test, scripts that throw are told of, and waiting has an end."""

import pytest

from tests.browser.conftest import Pages
from tests.browser.wire import CommandFailed

pytestmark = pytest.mark.browser

BROWSERS = ["chromium", "firefox"]


@pytest.mark.parametrize("kind", BROWSERS)
@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("console.error('it is', 'broken')", "it is"),
        ("setTimeout(() => nobody.is.here)", "nobody is not defined"),
        ("void Promise.reject(new Error('of no use'))", "of no use"),
    ],
)
async def test_errors_in_a_page_fail_its_test(pages: Pages, kind: str, script: str, told: str) -> None:
    page = await pages.open(kind)
    page.check()
    await page.run(script)
    await page.run(
        "await new Promise((resolve) => setTimeout(resolve, 50))"
    )  # browsers tell of a rejection a turn later
    with pytest.raises(AssertionError, match=told):
        page.check()
    page.expected.append(told)
    page.check()


@pytest.mark.parametrize("kind", BROWSERS)
async def test_scripts_give_values_and_errors(pages: Pages, kind: str) -> None:
    page = await pages.open(kind)
    assert await page.run("return { sum: a + b, text }", a=1, b=2, text="é\u2028") == {"sum": 3, "text": "é\u2028"}
    assert await page.run("globalThis.seen = 1") is None
    with pytest.raises(CommandFailed, match="not today"):
        await page.run("throw new Error('not today')")
    with pytest.raises(AssertionError, match="seen > 1"):
        await page.until("seen > 1", 0.2)
    await page.reload()
    assert await page.run("return typeof seen") == "undefined"
