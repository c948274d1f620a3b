"""Which STUN and TURN servers answer, whether UDP passes, and what kind of NAT is here."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from aioice.stun import TransactionFailed

from peers.cli.checks.findings import Finding
from peers.cli.checks.nat import Seen, classify
from peers.cli.checks.stun import Asker, allocate
from peers.paths.ice_servers import Server, parse_servers
from peers.paths.probing import probe
from signalling.protocol.events import IceServer

STUN_TIMEOUT = 3.0
"""Seconds that a STUN server has to answer."""
TURN_TIMEOUT = 5.0
"""Seconds that a TURN server has to give an address."""
NAT_ADVICE = "Name another STUN server to compare with: --ice-server stun:HOST."


class _Asked(NamedTuple):
    finding: Finding
    over_udp: bool = False
    answered: bool = False
    seen: Seen | None = None


def parse(url: str, username: str | None = None, credential: str | None = None) -> Server | None:
    """A server by its URL; None if the library has no use for it. Without a credential, TURN has empty ones."""
    entry = IceServer(urls=[url], username=username or "", credential=credential or "")
    return next((server for servers in parse_servers([entry]) for server in servers), None)


async def check_ice(told: Sequence[IceServer], named: Sequence[str]) -> list[Finding]:
    """Ask those that the signalling server tells of, and those named on the command line, all at once."""
    async with Asker() as asker:
        asked = await asyncio.gather(
            *(
                _ask(asker, url, parse(url, entry.username, entry.credential), told=True)
                for entry in told
                for url in entry.urls
            ),
            *(_ask(asker, url, parse(url), told=False) for url in named),
        )
    findings = [one.finding for one in asked]
    if not findings:
        advice = "Start the server without --no-stun, or with --ice-servers stun:HOST:PORT."
        text = "the signalling server names no STUN or TURN server: direct paths end at the first router"
        findings.append(Finding("stun", "warning", text, advice))
    return [*findings, _udp(asked), _nat([one.seen for one in asked if one.seen is not None])]


async def _ask(asker: Asker, url: str, server: Server | None, *, told: bool) -> _Asked:
    if server is None:
        text = f"{url} is left out: it is malformed, or of a kind that is not used"
        advice = "Use stun:HOST[:PORT], turn:HOST[:PORT][?transport=tcp] or turns:HOST[:PORT], in the server's options."
        return _Asked(Finding("stun", "warning", text, advice, {"url": url, "answers": None}))
    try:
        if server.relays:
            return await _ask_turn(server, told=told)
        seen, seconds = await asker.ask(server.host, server.port, STUN_TIMEOUT)
    except TransactionFailed as error:
        text = f"{url} refuses to give an address: {error}"
        advice = (
            "The server's --turn-secret and the TURN server's static-auth-secret differ, or their clocks do, or its "
            "quota is used up."
        )
        data = {"url": url, "answers": True, "refused": str(error)}
        return _Asked(Finding("turn", "warning", text, advice, data), server.transport == "udp", answered=True)
    # UnicodeError: a host name that cannot be one.
    except (OSError, UnicodeError) as error:
        reason = "no answer" if isinstance(error, TimeoutError) else str(error)
        text = f"{url} does not answer: {reason}"
        advice = f"Is it running, and does a firewall let {server.transport.upper()} port {server.port} through?"
        check = "turn" if server.relays else "stun"
        data = {"url": url, "answers": False}
        return _Asked(Finding(check, "warning", text, advice, data), server.transport == "udp")
    mapped = f"{seen.mapped[0]}:{seen.mapped[1]}"
    text = f"{url} answers in {seconds * 1e3:.0f} ms, and sees us as {mapped}"
    finding = Finding("stun", "ok", text, data={"url": url, "answers": True, "seconds": seconds, "mapped": mapped})
    return _Asked(finding, over_udp=True, answered=True, seen=seen)


async def _ask_turn(server: Server, *, told: bool) -> _Asked:
    """Raises OSError, TransactionFailed."""
    udp = server.transport == "udp"
    data = {"url": server.url, "answers": True}
    if not server.username:
        seconds = await probe(server)
        text = f"{server.url} answers in {seconds * 1e3:.0f} ms"
        if told:
            text += ", but the signalling server gave no credential for it: peers leave it out"
            advice = "Start the signalling server with --turn-secret, the TURN server's static-auth-secret."
            return _Asked(Finding("turn", "warning", text, advice, {**data, "seconds": seconds}), udp, answered=True)
        text += "; whether it gives addresses is not known without a credential"
        return _Asked(Finding("turn", "skipped", text, data={**data, "seconds": seconds}), udp, answered=True)
    address, seconds = await allocate(
        server.host,
        server.port,
        transport=server.transport,
        tls=server.tls,
        username=server.username,
        credential=server.credential or "",
        timeout=TURN_TIMEOUT,
    )
    relayed = f"{address[0]}:{address[1]}"
    text = f"{server.url} gives an address in {seconds * 1e3:.0f} ms: {relayed}"
    return _Asked(
        Finding("turn", "ok", text, data={**data, "seconds": seconds, "relayed": relayed}), udp, answered=True
    )


def _udp(asked: Sequence[_Asked]) -> Finding:
    over_udp = [one for one in asked if one.over_udp]
    answered = sum(one.answered for one in over_udp)
    data = {"asked": len(over_udp), "answered": answered}
    if not over_udp:
        return Finding("udp", "skipped", "nobody to ask over UDP", NAT_ADVICE, {"state": "unknown", **data})
    if answered:
        text = f"passes: {answered} of {len(over_udp)} servers answer over it"
        return Finding("udp", "ok", text, data={"state": "passes", **data})
    text = f"nothing answers over UDP, of {len(over_udp)} asked: it is blocked here, or all of them are down"
    advice = (
        "Let UDP out of this network, or run a TURN server that takes TCP (turns:HOST:443). Until then the relay "
        "carries what does not stay on this network."
    )
    return Finding("udp", "warning", text, advice, {"state": "silent", **data})


def _nat(seen: Sequence[Seen]) -> Finding:
    mapping = classify(seen)
    data = {"mapping": mapping, "mapped": sorted({f"{one.mapped[0]}:{one.mapped[1]}" for one in seen})}
    if mapping == "none":
        return Finding("nat", "ok", "none between here and the servers that answered", data=data)
    if mapping == "endpoint-independent":
        text = "endpoint-independent mapping (a cone NAT): one address for all destinations, so others can reach it"
        return Finding("nat", "ok", text, data=data)
    if mapping == "address-dependent":
        text = "address-dependent mapping (a symmetric NAT): another address for each destination"
        advice = "Direct paths need a TURN server, or a peer without such a NAT. Without either the relay carries on."
        return Finding("nat", "warning", text, advice, data)
    if not seen:
        text = "no STUN server tells"
    elif any(one.mapped != one.local for one in seen):
        text = "there is one; of what kind, one STUN server cannot tell"
    else:
        text = "the STUN servers that answered are on this machine, and cannot tell"
    return Finding("nat", "skipped", text, NAT_ADVICE, data)
