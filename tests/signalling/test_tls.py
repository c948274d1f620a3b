"""The server behind its own certificate: https and wss, nothing older than TLS 1.2, and a certificate that changes."""

import asyncio
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from peers import Client
from signalling.tls import Certificate
from tests import certificates
from tests.signalling.keys import ED25519, private_pem
from tests.waiting import eventually

HOST = "127.0.0.1"


class Served:
    """A server with a certificate."""

    def __init__(self, process: subprocess.Popen[str], files: tuple[Path, Path], log: Path) -> None:
        self.process, self.files, self.log = process, files, log
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"https://127\.0\.0\.1:(\d+)", line)
        assert found, line + log.read_text()
        self.url, self.port = found[0], int(found[1])

    def certificate(self) -> bytes:
        """The one that a new connection is shown."""
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((HOST, self.port), timeout=10))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    files = (tmp_path / "cert.pem", tmp_path / "key.pem")
    certificates.write(*files, HOST)
    options = ("--port", "0", "--no-stun", "--tls-cert", str(files[0]), "--tls-key", str(files[1]))
    with (tmp_path / "log").open("w") as log:
        command = [sys.executable, "-m", "signalling", *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
            yield Served(process, files, tmp_path / "log")
            process.kill()


def trusting(file: Path) -> ssl.SSLContext:
    """The context of a client that trusts this certificate alone."""
    return ssl.create_default_context(cafile=str(file))


async def test_https_and_peers_over_wss_and_polling(served: Served) -> None:
    connector = aiohttp.TCPConnector(ssl=trusting(served.files[0]))
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(f"{served.url}/healthz") as answer:
            assert await answer.json() == {"status": "ok"}
    # Two peers of the library, in a process that trusts it: proofs name the https origin.
    program = (
        "import asyncio, sys\n"
        "from peers import Client\n"
        "async def main():\n"
        "    url = sys.argv[1]\n"
        "    one, two = Client(url, transports=['websocket']), Client(url, transports=['polling'])\n"
        "    async with one, two, one.join('r', p2p='never') as a, two.join('r', p2p='never') as b:\n"
        "        got = asyncio.get_running_loop().create_future()\n"
        "        b.once('message', lambda message: got.set_result(message.data))\n"
        "        await (await a.wait_for_peer(timeout=20)).send('sealed twice')\n"
        "        print(await asyncio.wait_for(got, 20))\n"
        "asyncio.run(main())\n"
    )
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, served.url),
        env={**os.environ, "SSL_CERT_FILE": str(served.files[0])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await running.communicate()
    assert running.returncode == 0, err.decode()
    assert out.decode().strip() == "sealed twice"


def test_nothing_older_than_tls_1_2(served: Served) -> None:
    assert Certificate(*map(str, served.files)).context.minimum_version == ssl.TLSVersion.TLSv1_2
    context = trusting(served.files[0])
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context.minimum_version = context.maximum_version = version
        with socket.create_connection((HOST, served.port), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname=HOST) as secure:
                assert secure.version() == f"TLSv1.{version.name[-1]}"


async def test_sighup_reads_the_certificate_again(served: Served) -> None:
    before = served.certificate()
    good = [file.read_bytes() for file in served.files]
    served.files[1].write_text(private_pem(ED25519))  # the key of another certificate
    served.process.send_signal(signal.SIGHUP)
    await eventually(lambda: "goes on with the certificate that it has" in served.log.read_text())
    assert served.certificate() == before
    for file, content in zip(served.files, good, strict=True):
        file.write_bytes(content)
    certificates.write(*served.files, HOST)
    served.process.send_signal(signal.SIGHUP)
    await eventually(lambda: "read the certificate again" in served.log.read_text())
    after = served.certificate()
    assert after != before
    assert after == ssl.PEM_cert_to_DER_cert(served.files[0].read_text())
    assert served.process.poll() is None


async def test_plain_http_is_no_connection_and_disturbs_nobody(served: Served) -> None:
    with socket.create_connection((HOST, served.port), timeout=10) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" not in plain.recv(1_000)
    with pytest.raises(OSError, match="TLS failed"):
        async with Client(served.url, timeout=10):  # which does not trust it
            pass
    assert served.certificate()
    assert "Traceback" not in served.log.read_text()


def test_one_file_with_both(tmp_path: Path) -> None:
    certificates.write(tmp_path / "cert.pem", tmp_path / "key.pem", HOST)
    both = tmp_path / "both.pem"
    both.write_bytes((tmp_path / "cert.pem").read_bytes() + (tmp_path / "key.pem").read_bytes())
    assert Certificate(str(both)).context
    with pytest.raises(ValueError, match="belong together"):
        Certificate(str(tmp_path / "cert.pem"))
