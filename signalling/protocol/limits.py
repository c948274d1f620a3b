"""Limits of the wire: the sizes that both sides must agree on. Operators' limits are in `signalling.config`."""

from typing import Final

PROTOCOL: Final = 1
"""The version a client names in its Socket.IO handshake `auth`."""

MAX_ROOM_NAME: Final = 128
"""Bytes of UTF-8 in a room's name."""
MAX_PROFILE: Final = 4_096
"""Bytes of UTF-8 in a profile's JSON text."""
MAX_PACKET: Final = 60_000
"""Bytes in one sealed packet on the relay."""
MAX_SIGNAL: Final = 65_536
"""Bytes in the packet of one signal (JSON text, if it is not bytes)."""
MAX_RECIPIENTS: Final = 256
"""Recipients of one relay event."""
MAX_ATTACHMENTS: Final = MAX_RECIPIENTS + 1
"""Binary attachments of one Socket.IO packet: a packet for each recipient, then a body for all (rule V7)."""
MAX_ATTACHED_BYTES: Final = 1_000_000
"""Bytes in all attachments of one Socket.IO packet (rule V7)."""
MAX_POLL_PACKETS: Final = 256
"""Engine.IO packets in one long-polling payload (rule V5)."""
MAX_INTEGER: Final = 2**53 - 1
"""The largest integer that every language's JSON carries exactly: incarnations and counters stay below."""
RELAYED_EVERY_BYTES: Final = 65_536
"""The server acknowledges relays at least this often (rule V4) ..."""
RELAYED_EVERY_SECONDS: Final = 0.05
"""... and at the latest after this long."""
MAX_TOPIC: Final = 256
"""Bytes of UTF-8 in a topic, or in a pattern of topics."""
MAX_TOPIC_WORDS: Final = 16
"""Words between the dots of a topic or pattern."""
MAX_PATTERNS: Final = 64
"""Patterns in one watch."""
MAX_WATCHES: Final = 64
"""Watches of one client, in all rooms."""
MAX_EVENT_NAME: Final = 128
"""Bytes of UTF-8 in the name of an event within a topic."""
MAX_POST_KEY: Final = 128
"""Bytes of UTF-8 in the key that makes a repeated post harmless."""
MAX_POST_DEPTH: Final = 64
"""Lists and objects that lie in each other in the data of a post."""
MAX_REPORT_TIMES: Final = 32
"""Times in one report."""
MAX_REPORT_TIME: Final = 3_600
"""The longest of them, in seconds."""
REPORT_EVERY_SECONDS: Final = 5.0
"""A client reports at most this often."""
