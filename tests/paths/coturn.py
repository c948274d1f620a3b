"""Real coturn on loopback, over UDP, TCP and TLS, with a secret that it shares with the signalling server."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests import certificates
from tests.waiting import DEADLINE, free_port

MISSING = None if shutil.which("turnserver") else "needs coturn (Debian: apt-get install coturn)"
"""Why tests with it cannot run here."""
SECRET = "shared by coturn and the signalling server"
KINDS = ("udp", "tcp", "tls")


class Coturn:
    """One running server."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port, self.tls_port = free_port(), free_port()
        self.certificate = directory / "certificate.pem"

    def url(self, kind: str) -> str:
        """How it is named in a list of ICE servers."""
        if kind == "tls":
            return f"turns:127.0.0.1:{self.tls_port}?transport=tcp"
        return f"turn:127.0.0.1:{self.port}?transport={kind}"

    @property
    def log(self) -> str:
        """What it has logged."""
        path = self.directory / "log"
        return path.read_text() if path.exists() else ""

    @property
    def is_open(self) -> bool:
        """Whether it listens on UDP."""
        return f"UDP listener opened on: 127.0.0.1:{self.port}" in self.log

    def write_configuration(self) -> None:
        """What it reads instead of flags."""
        lines = [
            "listening-ip=127.0.0.1",
            "relay-ip=127.0.0.1",
            f"listening-port={self.port}",
            f"tls-listening-port={self.tls_port}",
            f"cert={self.certificate}",
            f"pkey={self.directory / 'key.pem'}",
            "use-auth-secret",
            f"static-auth-secret={SECRET}",
            "realm=example.org",
            "allow-loopback-peers",
            "no-cli",
            "no-dtls",
            "verbose",
            "simple-log",
            f"log-file={self.directory / 'log'}",
            f"pidfile={self.directory / 'pid'}",
            f"userdb={self.directory / 'users'}",
        ]
        (self.directory / "configuration").write_text("\n".join(lines) + "\n")


@asynccontextmanager
async def coturn(directory: Path) -> AsyncIterator[Coturn]:
    """Run one that keeps its files in a directory."""
    server = Coturn(directory)
    certificates.write(server.certificate, directory / "key.pem", "127.0.0.1")
    server.write_configuration()
    process = await asyncio.create_subprocess_exec(
        *("turnserver", "-c", str(directory / "configuration")),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            while not (server.is_open and await _listens(server.port) and await _listens(server.tls_port)):
                assert process.returncode is None, server.log
                await asyncio.sleep(0.02)
        yield server
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
