"""A real TURN server (coturn, Debian's package) in a lab, over UDP, TCP and TLS."""

import asyncio
import shutil
import signal
from pathlib import Path

from tests import certificates
from tests.network.lab import TURN, TURN6, Lab

SECRET = "the-lab-s-shared-secret"
PORT, TLS_PORT = 3478, 443
"""TLS is on the port that any network lets through; coturn takes plain TCP there too."""

URLS = {
    "turn-udp": [f"turn:{TURN}:{PORT}?transport=udp"],
    "turn-tcp": [f"turn:{TURN}:{TLS_PORT}?transport=tcp"],
    "turn-tls": [f"turns:{TURN}:{TLS_PORT}?transport=tcp"],
}
"""What peers are told of, by the way to the TURN server."""
URLS6 = {way: [url.replace(TURN, f"[{TURN6}]") for url in urls] for way, urls in URLS.items()}


def why_no_turn() -> str | None:
    """Why there can be no TURN server here; None if there can."""
    return None if shutil.which("turnserver") else "install coturn: on Debian, apt install coturn"


class Turn:
    """The TURN server of a lab; it can be killed and started again."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.certificate = folder / "turn.pem"
        """It signs itself; programs trust it by SSL_CERT_FILE."""
        certificates.write(self.certificate, folder / "turn.key", TURN, TURN6)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        options = [
            *("-n", "--no-cli", "--no-software-attribute", "--fingerprint", "--use-auth-secret", "--realm=lab"),
            *(f"--static-auth-secret={SECRET}", f"--listening-port={PORT}", f"--tls-listening-port={TLS_PORT}"),
            *(f"--{end}-ip={address}" for end in ("listening", "relay") for address in (TURN, TURN6)),
            *(f"--cert={self.certificate}", f"--pkey={self.folder / 'turn.key'}", "--log-file=stdout"),
            *(f"--userdb={self.folder / 'turn.db'}", f"--pidfile={self.folder / 'turn.pid'}"),
        ]
        with (self.folder / "turn.out").open("wb") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self.lab.command("turn", "turnserver", *options), stdout=out, stderr=out
            )
        async with asyncio.timeout(20):
            while not self.lab.listens("turn", TLS_PORT):
                assert self._process.returncode is None, (self.folder / "turn.out").read_text()[-2_000:]
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Kill it."""
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()
            process._transport.close()  # type: ignore[attr-defined]

    async def __aenter__(self) -> "Turn":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
