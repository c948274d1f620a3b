"""Every promise and rule, and every switch."""

from typing import Final

from tests.sabotage.switch import Switch
from tests.sabotage.switches import (
    asking,
    attached,
    attempts,
    bounds,
    clients,
    credit,
    deliveries,
    ends,
    feeds,
    gathering,
    grants,
    guests,
    halves,
    ice,
    identities,
    kept,
    keys,
    mending,
    order,
    readers,
    reconnecting,
    renewing,
    resending,
    rosters,
    server,
    strangers,
    streams,
    suspicion,
    tokens,
    watching,
    webhooks,
    wire,
)

PROMISES: Final = {
    "P1": "Ready at once: a peer that has been announced can be sent to",
    "P2": "Nothing lost, doubled or swapped while paths come and go",
    "P3": "Failover in well under a second",
    "P4": "The server is not trusted with content",
    "P5": "One protocol in every language",
    "P6": "Bounded everything",
}
RULES: Final = {
    "S1": "Identity: when a session ends",
    "S2": "Binding: which two halves belong together",
    "S3": "Sequence: numbered, put in order, once",
    "S4": "Acknowledgement and credit",
    "S5": "No silent deadlock: who waits asks",
    "S6": "Resending",
    "S7": "Proof and suspicion",
    "S8": "Ends: flush, close, bye",
    "S9": "Attempts at a direct path",
    "S10": "A peer may lie",
    "S11": "Rooms and strangers",
    "K1": "Identity: ids, statements, proofs",
    "K2": "The handshake",
    "K3": "Keys: who starts, which are kept, hints",
    "K4": "Sealed packets",
    "K5": "Signals",
    "K6": "Broadcast: one body for many (the server's half; the library sends none yet)",
    "K7": "What is not promised",
    "V1": "Incarnations and connections",
    "V2": "Rosters have versions",
    "V3": "One client's events, one after another",
    "V4": "Relays are numbered, acknowledged, refused",
    "V5": "Long-polling drops nothing",
    "V6": "A connection's end",
    "V7": "What Socket.IO lets a client do",
}
"""The rules of docs/protocol.md, by the names that the code calls them by."""
PARTS: Final = {
    "feeds": "Feeds: posts kept for a while, each once to whoever watches it",
    "tokens": "Tokens: who may do what, and for how long",
    "webhooks": "Webhooks: each event at least once, in order for each room",
    "streams": "Feeds over HTTP: streams and long-polls",
    "guests": "Guests: members without a key",
    "attached": "A server beside somebody else's",
}
"""The public side of rooms, and the other ways in: they have no rules with names."""
WITHOUT: Final = {
    "K7": "it promises nothing",
}
"""Why a rule has no switch."""

MODULES: Final = (
    *(order, credit, asking, resending, suspicion, ends, attempts, mending, ice),
    *(halves, identities, keys, strangers, rosters, gathering, server, clients, reconnecting, bounds, wire),
    *(feeds, kept, watching, tokens, renewing, grants, webhooks, deliveries, streams, readers, guests, attached),
)
"""In the order of the rules."""
SWITCHES: Final[dict[str, Switch]] = {switch.name: switch for module in MODULES for switch in module.SWITCHES}
"""Every switch by its name."""
