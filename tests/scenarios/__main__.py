"""`python -m tests.scenarios`: plays each situation at its full size, and prints how late things were."""

import asyncio
import sys

from tests.scenarios.publish_subscribe import publish_subscribe
from tests.scenarios.streaming import streaming
from tests.scenarios.webhooks import webhooks


async def _main() -> int:
    print("(a) HTTP streaming: 500 posts a second of up to 1 MB, 5 readers of a fifth of them", flush=True)
    first = await streaming(posts=10_000, per_second=500, readers=5)
    print(f"    {first['told']}; faults: {first['faults'] or 'none'}", flush=True)
    print("(b) webhooks: 10 events a second for 2 services that are well, beside 200 posts a second", flush=True)
    second = await webhooks(events=400, per_second=10, busy=200)
    print(f"    {second['told']}; faults: {second['faults'] or 'none'}", flush=True)
    print("(c) publish-subscribe: 500 clients, 100 of them on long-polling, 50 topics, 100 posts a second", flush=True)
    third = await publish_subscribe(clients=500, topics=50, posts=2_000, per_second=100)
    print(f"    {third['told']}; faults: {third['faults'] or 'none'}", flush=True)
    return 1 if first["faults"] or second["faults"] or third["faults"] else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
