"""Reads the bodies of requests: JSON of a bounded size, in a bounded time, and not too much of them at once."""

import asyncio
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from signalling.http.api.problems import Refused
from signalling.protocol.errors import ProtocolError

_PATIENCE: Final = 60.0
"""Seconds that a body may take."""
ALL_TOGETHER: Final = 134_217_728
"""Bytes of bodies that are being read at a time; beyond that requests are refused."""
_ENVELOPE: Final = 16_384
"""Bytes of JSON around what has a limit of its own."""

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class Bodies:
    """Reads bodies of JSON, with at most `most` bytes in what they carry."""

    def __init__(self, most: int) -> None:
        self._most = most + _ENVELOPE
        self._held = 0

    async def expect(self, request: web.Request) -> None:
        """Instead of aiohttp's: asks only for a body that will be read (RFC 9110 section 10.1.1)."""
        is_expected = request.headers.get("Expect", "").lower() == "100-continue"
        if is_expected and not self._is_too_large(request) and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def read(self, request: web.Request, kind: type[_Struct]) -> _Struct:
        """The body. Raises ProtocolError `bad-request`, `too-large`, `busy`."""
        if self._is_too_large(request):
            raise self._too_large()
        kind_given = request.content_type if "Content-Type" in request.headers else "application/json"
        if kind_given != "application/json" and not kind_given.endswith("+json"):
            raise Refused(415, "bad-request", "send JSON, with the header Content-Type: application/json")
        return decode(await self._read(request), kind)

    async def _read(self, request: web.Request) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(_PATIENCE):
                async for part in request.content.iter_any():
                    size += len(part)
                    self._held += len(part)
                    parts.append(part)
                    if size > self._most:
                        raise self._too_large()
                    if self._held > ALL_TOGETHER:
                        raise ProtocolError("busy", "too many large requests at a time", retry_after=2.0)
        except web.RequestPayloadError as error:
            raise ProtocolError("bad-request", f"the body cannot be read: {error}") from None
        except TimeoutError:
            raise Refused(408, "bad-request", f"the body took more than {_PATIENCE:g} s") from None
        finally:
            self._held -= size
        return b"".join(parts)

    def _is_too_large(self, request: web.Request) -> bool:
        return request.content_length is not None and request.content_length > self._most

    def _too_large(self) -> ProtocolError:
        return ProtocolError("too-large", f"a request has at most {self._most} bytes")


def decode(body: bytes, kind: type[_Struct]) -> _Struct:
    """A body of JSON. Raises ProtocolError `bad-request` that says where it is wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise ProtocolError("bad-request", str(error)) from None
    except RecursionError:
        raise ProtocolError("bad-request", "lists and objects lie too deep in each other") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError("bad-request", f"the body is no JSON: {error}") from None
