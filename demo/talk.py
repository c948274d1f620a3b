"""What `make run` shows: a server and two peers, each a process of its own, that talk until they are stopped.

Every line says who speaks: who joined, which way the messages go, how long a round trip takes, and the moment the
relay gives way to the direct path. Stop the server process, and watch the direct path carry on.
"""

import argparse
import asyncio
import signal
import socket
import subprocess
import sys

from peers import Client, EitherwayError, Peer

COMMAND = [sys.executable, "-m", "peers.cli"]


async def talk(url: str, name: str) -> None:
    """One peer: greets whoever is here, once a second, and says what it sees."""

    def say(text: str) -> None:
        sys.stdout.write(f"{name:>6} | {text}\n")  # in one piece: three processes share the terminal
        sys.stdout.flush()

    client = Client(url)
    client.on("disconnected", lambda reason: say(f"lost the server ({reason})"))
    client.on("connected", lambda: say(f"connected to the server by {client.transport}"))
    async with client, client.join("talk", profile={"name": name}) as room:
        say(f"joined room 'talk' as {client.id[:8]}")
        room.on("peer_joined", lambda peer: say(f"{peer} joined"))
        room.on("peer_left", lambda peer, reason: say(f"{peer} left ({reason})"))
        room.on("undelivered", lambda report: say(str(report)))

        @room.on("path_changed")
        def path_changed(peer: Peer, path: str) -> None:
            way = "directly, peer to peer" if path == "direct" else "over the server"
            say(f"--> messages to {peer} now go {way}")

        received = 0

        @room.on("message")
        def count(message: object) -> None:
            nonlocal received
            received += 1

        number = 0
        while True:
            number += 1
            for peer in list(room.peers.values()):
                try:
                    await peer.send(f"message {number} from {name}")
                    seconds, path = await peer.ping(timeout=5)
                except (EitherwayError, TimeoutError) as error:
                    say(f"{peer}: {error or 'no answer in 5 s'}")
                else:
                    # every line at first, then one in ten: this may run for days
                    if number <= 10 or number % 10 == 0:
                        say(f"{peer}: round trip {seconds * 1e3:.1f} ms by {path}; {number} sent, {received} received")
            await asyncio.sleep(1)


def main() -> int:
    """Start the three processes, and stop them all when one is done or the user has seen enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="use this server instead of starting one")
    parser.add_argument("--port", type=int, default=8080, help="for the server that is started (default: 8080)")
    parser.add_argument("--name", help="be one of the two peers only")
    options = parser.parse_args()
    if options.name:
        stop_on_signals()
        try:
            asyncio.run(talk(options.url or f"http://127.0.0.1:{options.port}", options.name))
        except KeyboardInterrupt:
            return 0
        except EitherwayError as error:
            print(f"{options.name}: {error}", file=sys.stderr)
            return 1
    processes: list[subprocess.Popen[bytes]] = []
    stop_on_signals()
    try:
        url = options.url or f"http://127.0.0.1:{options.port}"
        if not options.url:
            processes.append(subprocess.Popen([*COMMAND, "serve", "--port", str(options.port)]))
            wait_for_port(options.port, processes[0])
        for name in ("Ada", "Grace"):
            processes.append(subprocess.Popen([sys.executable, __file__, "--url", url, "--name", name]))
        print("Press Ctrl-C to stop.", flush=True)
        while all(process.poll() is None for process in processes):
            signal.sigtimedwait([], 0.5)
        return next(process.returncode for process in processes if process.poll() is not None)
    except KeyboardInterrupt:
        return 0
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(processes):
            try:
                process.wait(timeout=12)
            except subprocess.TimeoutExpired:
                process.kill()


def stop_on_signals() -> None:
    """SIGTERM ends as Ctrl-C does."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until the server listens."""
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError("the server did not start: see above")
        with socket.socket() as probe:
            probe.settimeout(0.1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        signal.sigtimedwait([], 0.05)
    raise RuntimeError("the server did not start within 10 s")


if __name__ == "__main__":
    sys.exit(main())
