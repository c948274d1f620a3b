"""Every example on the pages runs, and every link leads somewhere."""

import importlib.util
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

from signalling.config import Config
from tests.docs.examples import (
    KINDS,
    check_eitherway,
    commands,
    kind_of,
    mentions,
    of_kind,
    run_bot,
    run_curl,
    run_programs,
    run_receiver,
    run_server,
    run_statements,
    run_tests,
    run_with_tokens,
)
from tests.docs.markdown import PAGES, ROOT, Block, anchors, blocks, links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_says_how_it_is_tested(page: Path) -> None:
    for block in blocks(page):
        assert kind_of(block) in KINDS, f"{block}: {block.info!r}"


@pytest.mark.parametrize("block", of_kind("python twice"), ids=str)
async def test_a_program_that_runs_twice(block: Block, tmp_path: Path) -> None:
    outputs = await run_programs([block.text, block.text], tmp_path)
    if "print(" in block.text:
        assert all(outputs)


@pytest.mark.parametrize("page", sorted({b.page for b in of_kind("python together")}), ids=lambda page: page.stem)
async def test_programs_that_run_together(page: Path, tmp_path: Path) -> None:
    await run_programs([b.text for b in of_kind("python together") if b.page == page], tmp_path)
    assert received(tmp_path) == [(tmp_path / "photo.jpg").read_bytes()]


def received(folder: Path) -> list[bytes]:
    """What the programs have written there."""
    return [file.read_bytes() for file in folder.glob("received*")]


@pytest.mark.parametrize("block", of_kind("python in room"), ids=str)
async def test_statements_in_a_room(block: Block) -> None:
    await run_statements(block.text)


@pytest.mark.parametrize("block", of_kind("python tests"), ids=str)
async def test_tests(block: Block, tmp_path: Path) -> None:
    assert re.search(r"[1-9]\d* passed", await run_tests(block.text, tmp_path))


@pytest.mark.parametrize("block", of_kind("python bot"), ids=str)
async def test_a_bot(block: Block, tmp_path: Path) -> None:
    await run_bot(block.text, tmp_path)


@pytest.mark.parametrize("block", of_kind("python receiver"), ids=str)
async def test_a_receiver_of_webhooks(block: Block, tmp_path: Path) -> None:
    await run_receiver(block.text, tmp_path)


def test_the_first_bot_is_short() -> None:
    first = of_kind("python bot")[0]
    assert len(first.text.splitlines()) < 20


@pytest.mark.parametrize("block", of_kind("python server"), ids=str)
async def test_a_server(block: Block, tmp_path: Path) -> None:
    await run_server(block.text, block.info.removeprefix("python server").strip(), tmp_path)


@pytest.mark.parametrize("block", of_kind("python with tokens"), ids=str)
async def test_a_program_with_tokens(block: Block, tmp_path: Path) -> None:
    assert await run_with_tokens(block.text, tmp_path)


@pytest.mark.parametrize("page", sorted({b.page for b in of_kind("sh curl")}), ids=lambda page: page.stem)
async def test_lines_for_curl(page: Path, tmp_path: Path) -> None:
    for line, output in await run_curl([b for b in of_kind("sh curl") if b.page == page], tmp_path):
        assert output or "-X DELETE" in line, line
        if "/feed?since" in line or "Last-Event-ID" in line:
            assert '"data":"the first"' in output, line


@pytest.mark.parametrize("block", of_kind("html"), ids=str)
def test_a_page(block: Block) -> None:
    client = ROOT / "demo" / "client" / "README.md"
    assert block.text in {other.text for other in blocks(client)}


@pytest.mark.parametrize("block", of_kind("json"), ids=str)
def test_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", of_kind("sh"), ids=str)
def test_commands_exist(block: Block) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in commands(block.text):
        match words:
            case ["eitherway", *rest]:
                check_eitherway(rest)
            case ["make", target]:
                assert target in targets, words
            case ["python", "-m", module, *_]:
                assert module == "pip" or importlib.util.find_spec(module), words
            case ["export", assignment]:
                check_variable(*assignment.split("=", 1))
            case ["tar" | "curl" | "openssl", *_]:
                pass
            case _:
                pytest.fail(f"{block}: who checks {words}?")


def check_variable(name: str, value: str) -> None:
    """Whether the server or the commands read this variable, and take its value."""
    if name not in ("EITHERWAY_URL", "EITHERWAY_TOKEN"):
        assert Config.from_env({name: value}) != Config(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_prose_exist(page: Path) -> None:
    for text in mentions(page.read_text()):
        words = [word for words in commands(text) for word in words]
        check_eitherway([word.replace("ROOM", "room") for word in words[1:]] + (["room"] if bare(words) else []))


def bare(words: list[str]) -> bool:
    """Whether a mention names a command that needs a room, and no room: `eitherway chat`."""
    return len(words) == 2 and words[1] in ("chat", "ping", "pipe")


def test_a_wrong_command_is_noticed() -> None:
    for wrong in (["juggle"], ["chat"], ["chat", "lobby", "--p2p", "perhaps"], ["serve", "--prot", "1"]):
        with pytest.raises(click.UsageError):
            check_eitherway(wrong)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = (page.parent / parts.path).resolve() if parts.path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if parts.fragment:
            assert parts.fragment in anchors(target), link


def test_every_page_is_found_from_the_readme() -> None:
    found, new = set(), {ROOT / "README.md"}
    while new:
        page = new.pop()
        found.add(page)
        targets = {(page.parent / urlsplit(link).path).resolve() for link in links(page) if not urlsplit(link).scheme}
        new |= {target for target in targets if target.suffix == ".md"} - found
    lost = {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - found
    assert not lost, f"link these from README.md or a page that it leads to: {sorted(lost)}"


MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|opt|srv)/\w")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_no_path_of_a_machine(page: Path) -> None:
    assert not MACHINE_PATH.search(page.read_text())
