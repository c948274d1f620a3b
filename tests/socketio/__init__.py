"""Socket.IO, version 5: what its protocol document says of a server, checked with nothing but aiohttp.

What is beneath it is checked in `tests.engineio`, which has the servers too.
"""
