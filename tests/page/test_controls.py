"""What can be used or looked at on the page has a name, and demo/README.md lists them all."""

import re

from tests.wheels import ROOT

DEMO = ROOT / "demo"


def test_the_readme_lists_what_the_page_has() -> None:
    sources = [DEMO / "page" / "index.html", *(DEMO / "page" / "src").rglob("*.ts")]
    named = {name for path in sources for name in re.findall(r'data-testid"?[=:] ?"([a-z-]+)"', path.read_text())}
    table = (DEMO / "README.md").read_text().partition("## Controls")[2].partition("| --- |")[2]
    rows = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row)]
    assert len(named) > 40
    assert sorted(listed) == sorted(named)


def test_every_control_has_a_name() -> None:
    page = (DEMO / "page" / "index.html").read_text()
    controls = re.findall(r"<(?:button|input|select|a) [^>]*>", page)
    assert len(controls) > 10
    assert [tag for tag in controls if "data-testid" not in tag and 'class="skip"' not in tag] == []
    for path in (DEMO / "page" / "src").rglob("*.ts"):
        for made in re.findall(r'html\(\s*"(?:button|input|select|a)", \{[^}]*\}', path.read_text()):
            assert "data-testid" in made, (path.name, made)
