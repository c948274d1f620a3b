"""The kinds of routers, each as the firewall rules that make it (nftables).

On every router `eth0` leads out, `eth1` (and `eth2`, where two homes share a router) in. The chain `cuts` is left to
what happens to a lab.
"""

from typing import Literal, get_args

Routers = Literal["none", "cone", "symmetric", "no-udp", "tcp-443", "ipv6", "double", "hairpin"]
"""What a peer is behind:

- `none`: a router that only routes;
- `cone`: one that keeps a port for a socket wherever it sends, and lets in who was sent to;
- `symmetric`: one that takes another port for each destination, so that what a server sees is of no use to others;
- `no-udp`: a cone that lets no UDP through;
- `tcp-443`: a cone that lets nothing through but TCP to port 443;
- `ipv6`: no NAT and no IPv4, and a firewall that lets in who was sent to;
- `double`: a cone at home, behind the cone of a carrier;
- `hairpin`: one router for all peers, who cannot reach each other inside, but by their addresses outside it.
"""
KINDS: tuple[Routers, ...] = get_args(Routers)

_MASQUERADE = 'oifname "eth0" masquerade'
_OWN = 'iifname "eth0" ct state new drop'
"""As at home, what nobody inside has asked for dies at the router."""


def ruleset(kind: Routers, outside: str, names: list[str]) -> str:
    """The nft script of a router of this kind, whose own address outside is given. `names` are its sides, for cuts."""
    tables = [_table("ip", kind, outside, names)]
    if kind == "ipv6":
        tables.append(_table("ip6", kind, outside, names))
    return "\n".join(tables)


def _table(family: str, kind: Routers, outside: str, names: list[str]) -> str:
    chains: dict[str, list[str]] = {f"cuts_{name}": [] for name in names}
    forward = ["type filter hook forward priority 0"]
    for place, name in enumerate(names, 1):
        forward += [f'iifname "eth{place}" jump cuts_{name}', f'oifname "eth{place}" jump heard_{name}']
        chains[f"heard_{name}"] = []
    own = ["type filter hook input priority 0"]
    after = ["type nat hook postrouting priority 100"]
    sets = ""
    match kind:
        case "none":
            pass
        case "cone" | "double":
            after.append(_MASQUERADE)
        case "symmetric":
            after.append(f"{_MASQUERADE} random,fully-random")
        case "no-udp":
            after.append(_MASQUERADE)
            forward.append("meta l4proto udp drop")
        case "tcp-443":
            after.append(_MASQUERADE)
            forward += ["ct state established,related accept", "tcp dport 443 accept", "drop"]
        case "ipv6":
            forward.append('iifname "eth0" ct state new drop')
        case "hairpin":
            # Who sends from a port owns it outside, whoever sends there: what comes to it from inside turns back.
            sets = (
                "map owners { type inet_service : ipv4_addr; flags dynamic,timeout; timeout 2m; }\n"
                "chain before { type nat hook prerouting priority -100;\n"
                f"  ip daddr {outside} meta l4proto udp dnat to udp dport map @owners\n}}\n"
            )
            chains["learn"] = [
                "type filter hook forward priority 10",
                'iifname != "eth0" meta l4proto udp update @owners { udp sport : ip saddr }',
            ]
            after += [_MASQUERADE, f'oifname != "eth0" meta l4proto udp ct status dnat snat to {outside}']
            forward.append('iifname != "eth0" oifname != "eth0" ct status & dnat == 0 drop')
    if kind not in ("none", "ipv6"):
        own.append(_OWN)
    chains |= {"through": forward, "own": own, "after": after}
    bodies = "\n".join(
        f"chain {name} {{\n" + "".join(f"{line};\n" for line in body) + "}" for name, body in chains.items()
    )
    return f"table {family} lab {{\n{sets}{bodies}\n}}\n"
