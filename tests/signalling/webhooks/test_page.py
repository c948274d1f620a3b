"""docs/how-to/webhooks.md says what there is: every type, with the fields of its data, and the numbers."""

import re

import msgspec
import pytest

from signalling.webhooks import endpoint, events, schedule
from tests.docs.markdown import ROOT, Block, blocks, plain, table

PAGE = ROOT / "docs/how-to/webhooks.md"
TEXT = PAGE.read_text()
DATA = {events.type_of(each): each.__annotations__["data"] for each in events.EVENTS}


def test_every_type_and_its_data() -> None:
    rows = {
        plain(row["type"]): set(re.findall(r"`(\w+)`", row["data"])) for row in table(str(PAGE), "## What they say")
    }
    assert list(rows) == list(events.TYPES)
    reasons = {"left", "removed", "closed", "lost", "restarted"}
    for kind, said in rows.items():
        fields = {field.encode_name for field in msgspec.structs.fields(DATA[kind])}
        assert said - reasons == fields - {"omitted"}, kind


@pytest.mark.parametrize("block", [b for b in blocks(PAGE) if b.info == "json"], ids=str)
def test_examples_are_events(block: Block) -> None:
    event = msgspec.json.decode(block.text, type=events.AnyEvent)
    assert msgspec.json.decode(msgspec.json.encode(event)) == msgspec.json.decode(block.text)


def test_numbers() -> None:
    assert f"more than {events.MOST_DATA // 1024} KiB of data" in TEXT
    assert f"At most {endpoint._AT_ONCE} requests" in TEXT
    assert (schedule.FIRST, schedule.LONGEST, schedule.SPREAD, schedule.MOST_ASKED) == (1, 3_600, 0.2, 86_400)
