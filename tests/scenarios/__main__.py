"""`python -m tests.scenarios`: plays each situation at its full size, and tells how late things were. See --help."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.benchmarks import machine
from tests.network.tables import table, write
from tests.scenarios.percentiles import percentile
from tests.scenarios.publish_subscribe import publish_subscribe
from tests.scenarios.streaming import streaming
from tests.scenarios.webhooks import webhooks

Play = Callable[[], Coroutine[Any, Any, dict[str, Any]]]

SITUATIONS: Final[dict[str, Play]] = {
    "HTTP streaming: 500 posts a second of up to 1 MB, 5 readers of a fifth of them": partial(
        streaming, posts=10_000, per_second=500, readers=5
    ),
    "webhooks: 10 events a second for 2 services that are well, beside 200 posts a second": partial(
        webhooks, events=400, per_second=10, busy=200
    ),
    "publish-subscribe: 500 clients, 100 of them on long-polling, 50 topics, 100 posts a second": partial(
        publish_subscribe, clients=500, topics=50, posts=2_000, per_second=100
    ),
}


async def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios", description="Plays situations under load.")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table into this page")
    options = parser.parse_args()
    body: list[list[str]] = []
    failed = 0
    for title, play in SITUATIONS.items():
        result = await play()
        failed += bool(result["faults"])
        print(f"{title}\n    {result['told']}; faults: {result['faults'] or 'none'}", flush=True)
        late = [f"{percentile(result['late'], share) * 1e3:.1f} ms" for share in (0.5, 0.95, 0.99, 1.0)]
        body.append([title, f"{len(result['late']):,}", *late, str(len(result["faults"]))])
    if options.write is not None:
        facts = machine.describe()
        lines = table(["under load", "deliveries", "p50", "p95", "p99", "worst", "lost, doubled or swapped"], body)
        write(options.write, {"situations": [*lines, "", f"{facts['date']}, {facts['machine']}, {facts['python']}."]})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
