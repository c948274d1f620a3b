"""`python -m tests.scenarios.transports`: one event by each transport that a room offers. See --help.

A process sends an event of 200 bytes, another gets it: how late, how many bytes on the wire, how much of the server's
CPU. Everything runs in a network namespace of its own, whose loopback device counts the bytes with all headers and
acknowledgements. Needs Linux and root, as the network laboratory does.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple, NoReturn

from tests.benchmarks import machine
from tests.benchmarks.processes import Program, our_server, started
from tests.network.tables import table, write
from tests.scenarios.percentiles import percentile
from tests.waiting import free_port

INSIDE = "EITHERWAY_INSIDE_NAMESPACE"
NETWORK = (
    "ip link set lo up && ip link add ew0 type veth peer name ew1 && ip address add 10.9.0.1/24 dev ew0 "
    "&& ip link set ew0 up && ip link set ew1 up"
)
"""A direct path needs an address that isn't the loopback's; what goes to one's own goes by the loopback device too."""
EVENTS = 300
PER_SECOND = 50.0


class Transport(NamedTuple):
    """One way for an event: its name, the roles of who gets and who sends it, and what they are told beside."""

    name: str
    get: str
    send: str
    told: dict[str, object]


TRANSPORTS = (
    Transport("direct path (WebRTC)", "get_message", "send_message", {"path": "direct"}),
    Transport("relay over WebSocket", "get_message", "send_message", {"path": "relay", "transport": "websocket"}),
    Transport("relay over long-polling", "get_message", "send_message", {"path": "relay", "transport": "polling"}),
    Transport("feed over WebSocket", "get_watched", "send_post", {"transport": "websocket"}),
    Transport("feed over long-polling", "get_watched", "send_post", {"transport": "polling"}),
    Transport("Server-Sent Events", "get_streamed", "send_post", {"accept": "text/event-stream"}),
    Transport("lines of JSON (NDJSON)", "get_streamed", "send_post", {"accept": "application/x-ndjson"}),
    Transport("webhook", "get_webhook", "send_post", {}),
)


async def measure(transport: Transport, events: int) -> dict[str, float]:
    """Milliseconds until an event is there (median and 99th percentile), bytes on the wire for each, and microseconds
    of the server's CPU.
    """
    port = free_port()
    options = (
        *("--webhook", f"http://127.0.0.1:{port}/hook", "--webhook-topics", "**", "--webhook-allow-private"),
        *("--webhook-secret", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "--webhook-store", ":memory:"),
    )
    async with our_server(options=options if transport.get == "get_webhook" else ()) as (url, server):
        arguments = {"url": url, "room": "compared", "count": events, **transport.told}
        async with contextlib.AsyncExitStack() as stack:
            getter = await stack.enter_async_context(_program(transport.get, arguments | {"port": port}))
            await getter.hear()
            sender = await stack.enter_async_context(_program(transport.send, arguments | {"per_second": PER_SECOND}))
            await sender.hear()
            bytes_before, cpu_before = _on_the_wire(), server.cpu()
            sender.tell(go=True)
            late = (await getter.hear())["late"]
            bytes_after, cpu_after = _on_the_wire(), server.cpu()
            sender.tell(enough=True)
            getter.tell(enough=True)
    return {
        "median": median(late) * 1e3,
        "p99": percentile(late, 0.99) * 1e3,
        "bytes": (bytes_after - bytes_before) / events,
        "cpu": (cpu_after - cpu_before) / events * 1e6,
    }


def _program(role: str, arguments: dict[str, object]) -> contextlib.AbstractAsyncContextManager[Program]:
    return started("-m", "tests.scenarios.one_event", role, json.dumps(arguments))


def _on_the_wire() -> int:
    """Bytes that the loopback device of this network namespace has carried."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, counts = line.partition(":")
        if name.strip() == "lo":
            return int(counts.split()[0])
    raise RuntimeError("no loopback device in /proc/net/dev")


def rows(measured: dict[str, list[dict[str, float]]]) -> list[str]:
    """The table, medians of the rounds."""

    def cell(name: str, what: str, spell: Callable[[float], str]) -> str:
        return spell(median(one[what] for one in measured[name]))

    return table(
        ["one event of 200 bytes by", "late, median", "late, p99", "bytes on the wire", "CPU of the server"],
        [
            [
                name,
                cell(name, "median", lambda value: f"{value:.1f} ms"),
                cell(name, "p99", lambda value: f"{value:.1f} ms"),
                cell(name, "bytes", lambda value: f"{value:,.0f}"),
                cell(name, "cpu", lambda value: f"{value:,.0f} us"),
            ]
            for name in measured
        ],
    )


async def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios.transports")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--write", type=Path, metavar="FILE", action="append", help="write the table into this page")
    options = parser.parse_args()
    measured: dict[str, list[dict[str, float]]] = {transport.name: [] for transport in TRANSPORTS}
    for number in range(1, options.rounds + 1):
        for transport in TRANSPORTS:
            one = await measure(transport, options.events)
            measured[transport.name].append(one)
            told = ", ".join(f"{what} {value:,.1f}" for what, value in one.items())
            print(f"round {number} of {options.rounds}, {transport.name}: {told}", flush=True)
    lines = rows(measured)
    print("\n".join(lines))
    facts = machine.describe()
    lines += ["", f"{facts['date']}, {facts['machine']}, {facts['python']}; rounds: {options.rounds}."]
    for page in options.write or ():
        write(page, {"transports": lines})
    return 0


def _go_inside() -> NoReturn:
    """Starts this program again in a network namespace of its own."""
    command = ["unshare", "--net", "sh", "-c", f'{NETWORK} && exec "$@"', "sh", sys.executable]
    os.execvpe(command[0], [*command, "-m", "tests.scenarios.transports", *sys.argv[1:]], {**os.environ, INSIDE: "yes"})


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()) if INSIDE in os.environ else _go_inside())
