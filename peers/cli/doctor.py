"""`eitherway doctor`: what works from here, what does not, and what to do about it."""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from peers.cli.checks.findings import Finding, verdict
from peers.cli.running import DEFAULT_URL, Failure, run, token_option
from peers.cli.stdio import printable

REFUSED = 3


@click.command()
@click.option("--url", envvar="EITHERWAY_URL", default=DEFAULT_URL, show_default=True, help="The signalling server.")
@token_option
@click.option(
    "--ice-server",
    "ice_servers",
    multiple=True,
    metavar="URL",
    help="A further STUN or TURN server to ask, as stun:HOST:PORT; again for each.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option("--timeout", default=10.0, show_default=True, help="Seconds to wait for the server.")
@click.option("--verbose", "-v", is_flag=True, help="Log what happens to standard error.")
def doctor(
    url: str, token: str | None, ice_servers: tuple[str, ...], as_json: bool, timeout: float, verbose: bool
) -> None:
    """Find out what peers can do from here: which server, STUN, NAT, paths and packages there are.

    Exits with 0 if peers can talk, be it over the server only; with 1 if they cannot, with 3 if the server refuses.
    """
    run(_doctor(Report(as_json=as_json), url, token or None, ice_servers, timeout), verbose=verbose)


class Report:
    """What has been found, told as it is found."""

    def __init__(self, *, as_json: bool) -> None:
        self.findings: list[Finding] = []
        self._as_json = as_json
        self._progress = sys.stderr.isatty()

    def begin(self, what: str) -> None:
        """Something begins that may take a while."""
        if self._progress:
            sys.stderr.write(f"\r\x1b[K... {what}")
            sys.stderr.flush()

    def add(self, findings: Sequence[Finding]) -> None:
        """Something was found."""
        self.clear()
        self.findings += findings
        for finding in findings if not self._as_json else ():
            click.echo(f"{finding.state:8} {finding.check:9} {printable(finding.text)}")
            if finding.advice and finding.state != "ok":
                click.echo(f"{'':18} {printable(finding.advice)}")

    def end(self) -> None:
        """That was all: say what it comes to. Raises Failure if something failed."""
        failed = [finding for finding in self.findings if finding.state == "failed"]
        sentence = printable(verdict(self.findings))
        if self._as_json:
            whole: dict[str, Any] = {
                "verdict": sentence,
                "healthy": not failed,
                "findings": [finding._asdict() for finding in self.findings],
            }
            click.echo(json.dumps(whole, indent=2))
        else:
            click.echo(f"\n{sentence}")
        if failed:
            raise Failure("", REFUSED if any("refused" in finding.data for finding in failed) else 1)

    @property
    def failed(self) -> bool:
        """Whether there is no point in looking further."""
        return any(finding.state == "failed" for finding in self.findings)

    def clear(self) -> None:
        """Nothing is going on."""
        if self._progress:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


async def _doctor(report: Report, url: str, token: str | None, ice_servers: Sequence[str], timeout: float) -> None:
    from peers.cli.checks.packages import check_aiortc, check_packages, check_versions

    try:
        report.begin("packages")
        # In a thread: it reads the files of every distribution.
        report.add(await asyncio.to_thread(check_packages))
        report.add([check_versions()])
        if not report.failed:
            report.begin("aiortc")
            aiortc = await check_aiortc()
            report.add([aiortc])
            await _look_out(report, url, token, ice_servers, timeout, direct=aiortc.state == "ok")
    finally:
        report.clear()
    report.end()


async def _look_out(
    report: Report, url: str, token: str | None, ice_servers: Sequence[str], timeout: float, *, direct: bool
) -> None:
    """The checks that need a network. What they import, another package's `signalling` would break."""
    from peers.cli.checks.ice import check_ice, parse
    from peers.cli.checks.server import check_server
    from peers.cli.checks.talk import check_peers

    for server in ice_servers:
        if parse(server) is None:
            raise ValueError(f"an ICE server looks like stun:HOST:PORT or turn:HOST:PORT, not {server!r}")
    report.begin(f"the server at {url}")
    finding, told = await check_server(url, token, timeout)
    report.add([finding])
    report.begin("STUN and TURN servers")
    if told is not None or ice_servers:
        report.add(await check_ice(told or (), ice_servers))
    if told is not None:
        report.begin("two peers")
        report.add([await check_peers(url, token, finding.data["transport"], timeout, direct=direct)])
