"""The OpenAPI 3.1 document, made from the routes and their types."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from signalling.http.api.problems import CONTENT_TYPE
from signalling.http.api.route import Answer, Parameter, Route
from signalling.http.api.types import Problem

_TAGS: Final = {
    "rooms": "Rooms and their members.",
    "feed": "What the server keeps for whoever watches. It can read all of it.",
    "webhooks": "What the server tells others' servers.",
    "tokens": "Who may do what.",
    "documents": "What there is.",
}
_SCHEMAS: Final = "#/components/schemas/"
_ALWAYS: Final = (400, 403)
_GUARDED: Final = (401,)
_FOR_NOW: Final = (429, 503)
"""What may be otherwise later."""
_RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "Whole seconds after which it may be worth trying again; `retry_after` says it more exactly.",
        "schema": {"type": "integer", "minimum": 1},
    }
}
_ABOUT: Final = """\
Rooms, their members and their feeds, for programs that speak no Socket.IO.

Errors are problem details (RFC 9457); `code` is for programs. Tokens come in the header `Authorization: Bearer ...`, \
or as `token` in the query for EventSource, which sends no headers. A server without a secret asks for none; what \
needs the grant `admin` is then only for programs on its own machine.
"""


def openapi(routes: Sequence[Route], version: str, base: str) -> dict[str, Any]:
    """The document. `base` is the path that the API is served under."""
    components = schemas([Problem, *_types(routes)])
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "eitherway", "version": version, "description": _ABOUT, "license": _LICENSE},
        "servers": [{"url": base}],
        "security": [{"bearer": []}, {"query": []}, {}],
        "tags": [{"name": tag, "description": _TAGS[tag]} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "query": {"type": "apiKey", "in": "query", "name": "token"},
            },
            "responses": {
                str(status): {
                    "description": HTTPStatus(status).phrase,
                    "content": {CONTENT_TYPE: {"schema": {"$ref": _SCHEMAS + "Problem"}}},
                    **({"headers": _RETRY_AFTER} if status in _FOR_NOW else {}),
                }
                for status in sorted({status for route in routes for status in _refusals(route)})
            },
        },
    }


_LICENSE: Final = {"name": "MIT", "identifier": "MIT"}


def schemas(types: Iterable[Any]) -> dict[str, Any]:
    """JSON Schemas of types and of what they are made of, by name."""
    _, components = msgspec.json.schema_components(list(types), ref_template=_SCHEMAS + "{name}")
    return dict(components)


def _types(routes: Sequence[Route]) -> list[Any]:
    found: dict[Any, None] = {}
    for route in routes:
        if route.body is not None:
            found[route.body] = None
        found |= {body: None for body in route.answer.body.values() if isinstance(body, type)}
    return list(found)


def _refusals(route: Route) -> list[int]:
    guarded = _GUARDED if route.grant is not None else ()
    return sorted({*_ALWAYS, *guarded, *route.refusals, 500, 503})


def _operation(route: Route) -> dict[str, Any]:
    description = route.description
    if route.grant is not None:
        description = f"{description}\n\nNeeds the grant `{route.grant}`.".strip()
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "description": description or route.summary,
        "parameters": [_parameter(parameter) for parameter in route.parameters],
        "responses": {
            str(int(route.answer.status)): _answer(route.answer),
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in _refusals(route)},
        },
    }
    if route.grant is None:
        operation["security"] = []
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _SCHEMAS + route.body.__name__}}},
        }
    return operation


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.required,
        "schema": parameter.schema,
    }


def _answer(answer: Answer) -> dict[str, Any]:
    spelled: dict[str, Any] = {"description": answer.description}
    if answer.body:
        spelled["content"] = {
            kind: {"schema": {"$ref": _SCHEMAS + body.__name__} if isinstance(body, type) else body}
            for kind, body in answer.body.items()
        }
    if answer.headers:
        spelled["headers"] = {
            name: {"description": description, "schema": {"type": "string"}}
            for name, description in answer.headers.items()
        }
    if answer.links:
        spelled["links"] = {
            name: {"operationId": name, "parameters": parameters} for name, parameters in answer.links.items()
        }
    return spelled
