"""docs/how-to/operate.md: Prometheus finds what the page says, and every query asks for what there is."""

import re
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import yaml
from prometheus_client import parser

from signalling.app import Signalling
from signalling.config import Config
from signalling.metrics import EVENTS
from signalling.protocol.errors import CODES
from signalling.tokens import create_token
from tests.docs.examples import of_kind
from tests.docs.markdown import ROOT, table
from tests.serving import serving

PAGE = "docs/how-to/operate.md"
NAME = re.compile(r"\b(?:eitherway|process)_\w+")
SELECTOR = re.compile(r"(\w+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
SECRET = "a secret that is long enough for an example"


def queries() -> Iterator[str]:
    """Every query on the page."""
    for row in table(PAGE, "## Questions"):
        found = [code for code in re.findall(r"`([^`]+)`", row["query"]) if NAME.search(code)]
        assert found, row
        yield from found


@pytest.fixture(scope="module")
def samples() -> dict[str, dict[str, set[str]]]:
    """What a server exports: the values of labels that there are, by label and name of sample."""
    signalling = Signalling(Config())
    signalling.aiohttp_app()
    found: dict[str, dict[str, set[str]]] = {}
    for metric in signalling.registry.collect():
        for sample in metric.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    found["eitherway_refusals_total"] = {"event": set(EVENTS), "code": set(CODES)}
    return found


def test_every_query_asks_for_metrics_and_labels_that_there_are(samples: dict[str, dict[str, set[str]]]) -> None:
    for query in queries():
        names = NAME.findall(query)
        assert set(names) <= samples.keys(), query
        for name, matchers in SELECTOR.findall(query):
            parts = MATCHER.findall(matchers)
            assert ",".join(f'{label}{kind}"{text}"' for label, kind, text in parts) == matchers.replace(" ", ""), query
            for label, _, text in parts:
                assert set(text.split("|")) <= samples[name][label], query
        for group in re.findall(r"by \(([^)]*)\)", query):
            assert all(label in samples[name] for label in group.split(", ") for name in names), query
        assert query.count("(") == query.count(")")
        assert len(re.findall(r"(?:rate|increase)\(", query)) == len(re.findall(r"\[\d+[smh]\]", query)), query


def test_only_counters_are_rates(samples: dict[str, dict[str, set[str]]]) -> None:
    for query in queries():
        for name in NAME.findall(query):
            is_counter = name.endswith(("_total", "_bucket"))
            assert is_counter == bool(re.search(rf"(?:rate|increase)\({name}", query)), query


def test_a_wrong_query_is_noticed(samples: dict[str, dict[str, set[str]]], monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("eitherway_rooms_total", 'eitherway_members{state="gone"}', "sum by (kind) (eitherway_rooms)"):
        monkeypatch.setattr("tests.docs.test_operate.queries", lambda wrong=wrong: iter([wrong]))
        with pytest.raises((AssertionError, KeyError)):
            test_every_query_asks_for_metrics_and_labels_that_there_are(samples)


async def test_a_server_is_read_as_prometheus_is_told_to() -> None:
    (block,) = of_kind("yaml")
    config: dict[str, Any] = yaml.safe_load(block.text)
    (job,) = config["scrape_configs"]
    assert job.keys() == {"job_name", "scrape_interval", "authorization", "static_configs"}
    command = f"> {job['authorization']['credentials_file']}"
    assert command in (ROOT / PAGE).read_text(), "the file that the page makes"
    token = create_token(SECRET, user="prometheus", rooms=["no-room"], grants=["admin"])
    async with serving(token_secret=(SECRET,)) as url, aiohttp.ClientSession() as http:
        accept = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        headers = {"Authorization": f"Bearer {token}", "Accept": accept}
        async with http.get(f"{url}/metrics", headers=headers) as answer:
            assert answer.status == 200
            assert "eitherway_rooms" in {f.name for f in parser.text_string_to_metric_families(await answer.text())}
        for method, path in (("GET", "/rooms/lobby/feed"), ("DELETE", "/rooms/lobby"), ("GET", "/rooms/lobby/peers")):
            async with http.request(method, f"{url}/api/v1{path}", headers=headers) as answer:
                assert answer.status == 403, "it rules nothing"


def test_process_metrics_are_those_that_the_reference_names(samples: dict[str, dict[str, set[str]]]) -> None:
    text = (ROOT / "docs/reference.md").read_text().split("## Metrics")[1].split("| metric |")[0]
    assert set(re.findall(r"`(process_\w+)`", text)) == {name for name in samples if name.startswith("process_")}


def test_seconds_are_those_of_the_options() -> None:
    text = " ".join((ROOT / PAGE).read_text().split())
    assert f"`--drain-timeout` seconds at most ({Config().drain_timeout:g})" in text
    assert f"`--reconnect-after` seconds later ({Config().reconnect_after:g})" in text
