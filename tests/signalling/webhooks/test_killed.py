"""A server that is killed, the moment that it has acknowledged a post."""

import signal
from pathlib import Path

from tests.serving import ServerProcess
from tests.signalling.actor import Actor
from tests.signalling.webhooks.receivers import Receiver
from tests.signalling.webhooks.servers import post
from tests.signalling.webhooks.test_process import options


async def test_what_was_acknowledged_is_delivered_by_the_next_server(receiver: Receiver, tmp_path: Path) -> None:
    receiver.status = 503
    async with ServerProcess(*options(receiver.url, tmp_path / "store.db")) as server:
        ada = await Actor(server.url).connect()
        numbers = [await post(ada, number) for number in range(3)]
        await server.stop(signal.SIGKILL)
        await ada.close()
        first = (await receiver.count(1))[0].id  # it has been tried, in vain
        receiver.status = 204
        receiver.requests.clear()
        await server.start()
        requests = await receiver.count(3, 10)
        assert [request.said["data"]["id"] for request in requests] == numbers
        assert requests[0].id == first
