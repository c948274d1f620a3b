"""`/tokens`: makes tokens, where the server has a key that can sign them."""

import time
from http import HTTPStatus

from aiohttp import web

from signalling.config import Config
from signalling.http.api.bodies import Bodies
from signalling.http.api.gate import Gate
from signalling.http.api.route import JSON, Answer, Route, answer_json
from signalling.http.api.types import NewToken, Token
from signalling.keys import Key
from signalling.protocol.errors import ProtocolError
from signalling.tokens import create_token


class TokenRoutes:
    """Makes tokens with a key."""

    def __init__(self, gate: Gate, bodies: Bodies, config: Config, key: Key) -> None:
        self._gate = gate
        self._bodies = bodies
        self._config = config
        self._key = key

    async def create(self, request: web.Request) -> web.Response:
        """Makes one, for no more rooms than the token of who asks."""
        access = self._gate.admit(request, "admin")
        wanted = await self._bodies.read(request, NewToken)
        for room in wanted.rooms:
            access.check("admin", room)  # what a pattern stands for lies within one that stands for the pattern
        if "admin" in wanted.grants:
            raise ProtocolError(
                "forbidden", "a token with the grant 'admin' is made with the key itself: eitherway token"
            )
        now = time.time()
        try:
            token = create_token(
                self._key,
                user=wanted.user,
                rooms=wanted.rooms,
                grants=wanted.grants,
                lifetime=wanted.lifetime,
                attributes=wanted.attributes,
                audience=self._config.token_audience,
                clock=lambda: now,
            )
        except ValueError as error:
            raise ProtocolError("bad-request", str(error)) from None
        made = Token(token=token, expires=round(now + wanted.lifetime, 3))
        return answer_json(made, 201, {"Cache-Control": "no-store"})

    def routes(self) -> list[Route]:
        """What there is."""
        return [
            Route(
                method="POST",
                path="/tokens",
                name="createToken",
                tag="tokens",
                summary="Make a token.",
                description=(
                    "For no more rooms than the token of who asks for it, and never with the grant `admin`: "
                    "those are made with the key itself. This is there if the server has a key that signs."
                ),
                grant="admin",
                body=NewToken,
                answer=Answer(status=HTTPStatus.CREATED, description="The token.", body={JSON: Token}),
                refusals=(408, 413, 415),
                curl=(
                    '-H "Authorization: Bearer $TOKEN" --json \'{"user": "ada", "rooms": ["lobby"]}\' '
                    '"$URL/api/v1/tokens"'
                ),
                handler=self.create,
                expect=self._bodies.expect,
            )
        ]
