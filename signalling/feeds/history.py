"""What a room keeps of its feed: the newest posts, bounded by count, bytes and age."""

import msgspec

from signalling.feeds.stored import Stored


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much a room keeps: posts, their bytes, and for how many seconds."""

    posts: int
    bytes: int
    age: float


class History:
    """The newest posts of one room; each has the id after that of the one before. `now` is in seconds, monotonic."""

    def __init__(self, bounds: Bounds, newest: int) -> None:
        """The first post gets the id after `newest`."""
        self._bounds = bounds
        self._posts: dict[int, tuple[float, Stored]] = {}
        self._keys: dict[tuple[str, str], Stored] = {}
        self._begun = newest
        self.newest = newest
        self.forgotten = newest
        """Up to this id, posts may be gone."""
        self.bytes = 0

    def __len__(self) -> int:
        return self.newest - self.forgotten

    def add(self, post: Stored, now: float) -> None:
        """Keeps a post, and forgets what there is no room for then; never this one. Its id follows the newest one."""
        assert post.id == self.newest + 1
        self.newest = post.id
        self._posts[post.id] = (now, post)
        self.bytes += post.size
        if post.key:
            self._keys[post.poster, post.key] = post
        self.expire(now)
        while len(self) > 1 and (len(self) > self._bounds.posts or self.bytes > self._bounds.bytes):
            self.forget_oldest()

    def expire(self, now: float) -> None:
        """Forgets the posts that are too old."""
        while len(self) and self._posts[self.forgotten + 1][0] < now - self._bounds.age:
            self.forget_oldest()

    def forget_oldest(self) -> None:
        """Forgets the oldest post. There is one."""
        _, post = self._posts.pop(self.forgotten + 1)
        self.bytes -= post.size
        self.forgotten = post.id
        if post.key:
            del self._keys[post.poster, post.key]

    def keyed(self, poster: str, key: str) -> Stored | None:
        """The post that this poster has made with this key, if it is still kept."""
        return self._keys.get((poster, key)) if key else None

    def has_missed(self, since: int) -> bool:
        """Whether somebody who knows everything up to `since` may miss something: it is gone, or `since` is an id that
        this feed has never given, as of one that an earlier server kept. Who knows nothing (0) wants what is kept, and
        misses what was forgotten.
        """
        if since == 0:
            return self.forgotten > self._begun
        return since < self.forgotten or since > self.newest

    def after(self, id: int, most: int) -> list[Stored]:
        """Those posts after this id that are kept, oldest first; `most` of them at most."""
        first = max(id, self.forgotten) + 1
        return [self._posts[number][1] for number in range(first, min(first + most, self.newest + 1))]
