"""What the options say of webhooks, checked."""

from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from signalling.config import Config
from signalling.protocol.topics import check_pattern, matches
from signalling.webhooks.events import TYPES
from signalling.webhooks.signing import new_secret, read_secret

_MOST_ENDPOINTS: Final = 16
_MOST_SECRETS: Final = 4
_MOST_PATTERNS: Final = 64
_REMEMBERED: Final = 1_024
"""Topics for which is remembered whether they are wanted."""


class Wanted:
    """Which events webhooks tell of: these types, and posts on topics that match these patterns."""

    def __init__(self, types: Iterable[str], topics: Iterable[str]) -> None:
        self._types = frozenset(types or TYPES)
        self._topics = tuple(topics)
        self._known: dict[str, bool] = {}

    def type(self, name: str) -> bool:
        """Whether events of this type are wanted."""
        return name in self._types

    def topic(self, topic: str) -> bool:
        """Whether posts on this topic are wanted."""
        if not self._topics or "post" not in self._types:
            return False
        known = self._known.get(topic)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[topic] = any(matches(pattern, topic) for pattern in self._topics)
        return known


class Options(NamedTuple):
    """Where webhooks go, how they are signed, and which there are."""

    urls: tuple[str, ...]
    keys: tuple[bytes, ...]
    wanted: Wanted


def read_options(config: Config) -> Options:
    """Raises ValueError that names the option."""
    urls = tuple(dict.fromkeys(config.webhook))
    if len(urls) > _MOST_ENDPOINTS or len(config.webhook_secret) > _MOST_SECRETS:
        raise ValueError(f"--webhook: at most {_MOST_ENDPOINTS}; --webhook-secret: at most {_MOST_SECRETS}")
    for url in urls:
        check_url(url, "--webhook")
    try:
        keys = tuple(map(read_secret, config.webhook_secret))
    except ValueError as error:
        raise ValueError(f"--webhook-secret: {error}") from None
    if urls and not keys:
        raise ValueError(
            "--webhook needs --webhook-secret (or EITHERWAY_WEBHOOK_SECRET, which is seen by fewer): receivers check "
            f"with it that a webhook is from this server; here is a new one: {new_secret()}"
        )
    unknown = [name for name in config.webhook_events if name not in TYPES]
    if unknown:
        raise ValueError(f"--webhook-events: {', '.join(TYPES)}; not {', '.join(unknown)}")
    if len(config.webhook_topics) > _MOST_PATTERNS:
        raise ValueError(f"--webhook-topics: at most {_MOST_PATTERNS}")
    try:
        topics = tuple(map(check_pattern, config.webhook_topics))
    except ValueError as error:
        raise ValueError(f"--webhook-topics: {error}") from None
    return Options(urls, keys, Wanted(config.webhook_events, topics))


def check_url(url: str, option: str) -> None:
    """Raises ValueError that names the option if this is nowhere to send webhooks to."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(ord(c) < 33 or ord(c) == 127 for c in url):
        raise ValueError(f"{option}: a URL looks like https://example.com/hook, not {url!r}")
    if parts.username is not None or parts.fragment:
        raise ValueError(f"{option}: no user and no fragment in a URL; receivers check the signature instead")
