"""Engine.IO, version 4: what its protocol document says of a server, checked with nothing but aiohttp.

The checks run against three servers of this suite, or against any other:
``EITHERWAY_PROTOCOL_URL=http://host:port pytest tests/engineio tests/socketio``. That server has to play the
application of `tests.engineio.program`, and be set to the same sizes and times.
"""
