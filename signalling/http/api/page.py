"""The documents as one HTML page, made here: no script, and nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

from signalling.http.api.route import Route

_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 0.875rem/1.5 ui-monospace, monospace }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid GrayText; border-radius: 0.5rem }
section { border-top: 1px solid GrayText; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0 }
h3 code { font-size: 1.1rem }
"""
POLICY: Final = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Its own style, and nothing else."""


def page(routes: Sequence[Route], openapi: dict[str, Any], asyncapi: dict[str, Any], url: str) -> str:
    """The page. `url` is where the server is, as far as the one who asks is concerned."""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>eitherway: HTTP API</title><style>{_STYLE}</style></head><body>",
        f"<h1>eitherway {escape(str(openapi['info']['version']))}: HTTP API</h1>",
        _paragraphs(openapi["info"]["description"]),
        '<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1), '
        '<a href="asyncapi.json">asyncapi.json</a> (AsyncAPI 3.0).</p>',
    ]
    for tag in openapi["tags"]:
        mine = [route for route in routes if route.tag == tag["name"]]
        if mine:
            parts.append(f"<section><h2>{escape(tag['name'].capitalize())}</h2>{_paragraphs(tag['description'])}")
            parts += [_route(route, openapi, url) for route in mine]
            parts.append("</section>")
    parts.append("<section><h2>Messages</h2>")
    parts.append("<p>By Socket.IO, in streams of feeds, and as webhooks.</p>")
    for channel in asyncapi["channels"].values():
        parts.append(f"<h3>{escape(channel.get('title', 'Webhooks'))}</h3>{_paragraphs(channel['description'])}")
        messages = channel["messages"].items()
        parts.append(_table(((name, _sentence(message)) for name, message in messages), "message", "what it says"))
    parts.append("</section><section><h2>Types</h2>")
    schemas = {**asyncapi["components"]["schemas"], **openapi["components"]["schemas"]}
    parts += [_schema(name, schemas[name]) for name in sorted(schemas)]
    parts.append("</section></body></html>")
    return "\n".join(parts)


def _route(route: Route, openapi: dict[str, Any], url: str) -> str:
    operation = openapi["paths"][route.path][route.method.lower()]
    parts = [
        f'<h3 id="{escape(route.name)}"><code>{route.method} {escape(openapi["servers"][0]["url"] + route.path)}</code>'
        f"</h3><p>{_prose(route.summary)}</p>",
    ]
    if operation["description"] != route.summary:
        parts.append(_paragraphs(operation["description"]))
    if route.curl:
        parts.append(f"<pre>curl {escape(route.curl.replace('$URL', url))}</pre>")
    if route.parameters:
        rows = ((f"{each.name} ({each.place})", each.description) for each in route.parameters)
        parts.append(_table(rows, "parameter", "meaning"))
    if route.body is not None:
        parts.append(f"<p>Body: {_link(route.body.__name__)}</p>")
    good = ", ".join(
        f"{escape(kind)}: {_link(body.__name__) if isinstance(body, type) else 'text'}"
        for kind, body in route.answer.body.items()
    )
    parts.append(f"<p>{int(route.answer.status)}: {_prose(route.answer.description)} {good}</p>")
    return "\n".join(parts)


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        (
            field + ("" if field in required else " (optional)"),
            f"{_kind(each)}. {each.get('description', '')}".strip(". ") + ".",
        )
        for field, each in schema.get("properties", {}).items()
    ]
    about = _paragraphs(schema.get("description", ""))
    return f'<h3 id="type-{escape(name)}">{escape(name)}</h3>{about}{_table(rows, "field", "what")}'


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("const", schema.get("type", "any JSON")))


def _sentence(message: dict[str, Any]) -> str:
    payload = message["payload"]
    kind = _kind(payload) if "$ref" in payload or "anyOf" in payload else ""
    return f"{message['summary']} ({kind})" if kind else str(message["summary"])


def _table(rows: Iterable[tuple[str, str]], first: str, second: str) -> str:
    lines = "".join(f"<tr><td><code>{escape(one)}</code></td><td>{_prose(other)}</td></tr>" for one, other in rows)
    return f"<table><tr><th>{first}</th><th>{second}</th></tr>{lines}</table>" if lines else ""


def _link(name: str) -> str:
    return f'<a href="#type-{escape(name)}">{escape(name)}</a>'


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_prose(part)}</p>" for part in text.split("\n\n") if part.strip())


def _prose(text: str) -> str:
    """Words, with what stands between backticks as code."""
    pieces = escape(text, quote=False).split("`")
    return "".join(f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces))
