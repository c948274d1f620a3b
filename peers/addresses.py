"""Whether an address is still one of this machine's: no event tells a portable program that Wi-Fi gave way to mobile.

A connection from an address that is gone is dead, though nothing says so until something times out.
"""

import errno
import socket
from typing import Any


def is_ours(address: tuple[Any, ...]) -> bool:
    """Whether sockets of this machine can have an address, given as by `getsockname` (the port does not matter)."""
    host, _, *rest = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0, *rest))
    except OSError as error:  # anything else, such as too many open files, says nothing about the address
        return error.errno != errno.EADDRNOTAVAIL
    return True
