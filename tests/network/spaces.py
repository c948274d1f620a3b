"""Network namespaces: hosts of a lab, each with a network of its own. Nothing of it touches the machine's own network.

Needs root, and the commands `ip`, `tc` (iproute2) and `nft` (nftables).
"""

import ctypes
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

SPACES = "/run/netns"
_CLONE_NEWNET = 0x40000000


def why_not() -> str | None:
    """Why there can be no lab here, as a reason to skip a test; None if there can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "network namespaces need root: run this with sudo"
    missing = [command for command in ("ip", "tc", "nft") if shutil.which(command) is None]
    if missing:
        return f"install {', '.join(missing)}: on Debian, apt install iproute2 nftables"
    sweep()
    name = f"ew{os.getpid()}x-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"this machine allows no network namespaces: {made.stderr.strip()}"
    run("ip", "netns", "del", name)
    return None


def sweep() -> None:
    """Take down the labs of programs that were killed before they could."""
    for name in os.listdir(SPACES) if os.path.isdir(SPACES) else []:
        match = re.fullmatch(r"ew(\d+)x\d*-\w+", name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            run("ip", "netns", "del", name)


def run(*command: str, input: str | None = None) -> str:
    """Run a command. Raises RuntimeError with what it said if it fails."""
    done = subprocess.run(command, input=input, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}\n{input or ''}")
    return done.stdout


def at(space: str, *command: str) -> list[str]:
    """The command line that runs a command in a namespace."""
    return ["ip", "netns", "exec", space, *command]


def configure(space: str, lines: Iterable[str]) -> None:
    """Run several `ip` commands in a namespace, each without its first word."""
    run("ip", "-n", space, "-batch", "-", input="\n".join(lines) + "\n")


def rules(space: str, text: str) -> None:
    """Give a namespace's firewall what an nft script says."""
    run(*at(space, "nft", "-f", "-"), input=text)


def enter(space: str) -> None:
    """Move the calling thread into a namespace, for good."""
    with open(f"{SPACES}/{space}") as opened:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(opened.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {space}")


def inside(space: str, work: Callable[[], T]) -> T:
    """Call a function in a namespace; the sockets that it opens stay there."""
    results: list[T] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            enter(space)
            results.append(work())
        except BaseException as error:
            errors.append(error)

    # A namespace belongs to a thread; this one ends at once.
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
