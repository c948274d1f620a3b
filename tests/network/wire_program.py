"""Wires between hosts: with a delay, a loss, a rate, a queue, and packets that overtake each other.

    wire_program.py NAME:SPACE:DEVICE:SPACE:DEVICE ...

For each wire it makes a network device in both namespaces and passes on what either sends, until its standard input
ends. Each line of that is a JSON object: `wire`, and what is to hold from now on: `delay` in seconds (of one way),
`jitter` in seconds (added at random; packets keep their order), `loss` and `reorder` (of 1; a reordered packet skips
the delay), `rate` in bits a second (0: any), `queue` in seconds (how long a packet waits at that rate at most), `way`
(`out`: from the first host, `in`, or none for both), `stall` in seconds (once: nothing gets through for so long, then
all of it). Imports nothing of ours.
"""

import ctypes
import fcntl
import gc
import heapq
import json
import os
import random
import select
import struct
import sys
import time
from typing import Any

_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_CLONE_NEWNET = 0x40000000
_BATCH = 64


def device(space: str, name: str) -> int:
    """A network device in a namespace, as a file that gives and takes Ethernet frames."""
    with open(f"/run/netns/{space}") as opened:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(opened.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {space}")
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return file


class Way:
    """One direction of a wire."""

    def __init__(self, target: int, seed: str) -> None:
        self.target = target
        self.random = random.Random(seed)
        self.delay = self.jitter = self.loss = self.reorder = self.rate = 0.0
        self.queue = 0.2
        self.free_at = 0.0
        """When the last packet has left the queue."""
        self.last = 0.0
        self.held_until = 0.0

    def arrival(self, size: int, now: float) -> float | None:
        """When a packet that comes now arrives; None if it never does."""
        if self.loss and self.random.random() < self.loss:
            return None
        at = max(now, self.held_until)
        if self.rate:
            begun = max(at, self.free_at)
            if begun - at > self.queue:
                return None
            at = self.free_at = begun + size * 8 / self.rate
        if self.reorder and self.random.random() < self.reorder:
            return at
        at += self.delay
        if self.jitter:
            at += self.random.random() * self.jitter
        self.last = at = max(at, self.last)
        return at


def main() -> None:
    wires: dict[str, tuple[Way, Way]] = {}
    ways: dict[int, Way] = {}
    for argument in sys.argv[1:]:
        name, space, end, other_space, other_end = argument.split(":")
        first, second = device(space, end), device(other_space, other_end)
        wires[name] = Way(second, f"{name} out"), Way(first, f"{name} in")
        ways[first], ways[second] = wires[name]
    gc.disable()  # nothing here is in a circle, and a collection would delay packets
    print("ready", flush=True)
    os.set_blocking(0, False)
    waiting: list[tuple[float, int, int, bytes]] = []
    number, rest, files = 0, b"", [0, *ways]
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, target, frame = heapq.heappop(waiting)
            try:
                os.write(target, frame)
            except OSError:  # the device is down, or has no room: a packet less
                continue
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for file in select.select(files, [], [], timeout)[0]:
            if file == 0:
                data = os.read(0, 65_536)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    change(wires, json.loads(line))
                continue
            way = ways[file]
            now = time.monotonic()
            for _ in range(_BATCH):
                try:
                    frame = os.read(file, 2_048)
                except OSError:
                    break
                if (at := way.arrival(len(frame), now)) is not None:
                    number += 1
                    heapq.heappush(waiting, (at, number, way.target, frame))


def change(wires: dict[str, tuple[Way, Way]], told: dict[str, Any]) -> None:
    """Do what one line says."""
    out, back = wires[told.pop("wire")]
    ways = {"out": [out], "in": [back], None: [out, back]}[told.pop("way", None)]
    for way in ways:
        if (stall := told.get("stall")) is not None:
            way.held_until = time.monotonic() + stall
        for name in ("delay", "jitter", "loss", "reorder", "rate", "queue"):
            if name in told:
                setattr(way, name, told[name])


if __name__ == "__main__":
    main()
