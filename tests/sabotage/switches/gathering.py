"""V2: the changes of a large room, gathered and told as one, and to each member once."""

from signalling import announcer
from signalling.announcer import Announcer
from signalling.clients import Client
from signalling.protocol.events import Change
from tests.sabotage.switch import Patch, Switch, always, instead, of

GATHERED = "signalling/test_announcer.py"


def tell_all_again(patch: Patch) -> None:
    was = Announcer.tell

    def tell(self: Announcer, room: str, client: Client) -> None:
        was(self, room, client)
        if room in self._pending:
            del self._pending[room].since[client.sid]

    patch.setattr(Announcer, "tell", tell)


def tell_newcomers_all(patch: Patch) -> None:
    was = Announcer.changed

    def changed(self: Announcer, room: str, changes: list[Change], version: int, *, told: str | None = None) -> None:
        was(self, room, changes, version)

    patch.setattr(Announcer, "changed", changed)


def wait_for_the_timer(patch: Patch) -> None:
    was = Announcer.changed

    def changed(self: Announcer, room: str, changes: list[Change], version: int, *, told: str | None = None) -> None:
        flush, self.flush = self.flush, lambda room: None  # type: ignore[method-assign]
        try:
            was(self, room, changes, version, told=told)
        finally:
            self.flush = flush  # type: ignore[method-assign]

    patch.setattr(Announcer, "changed", changed)


SWITCHES = (
    Switch(
        "gathered",
        ("V2", "P6"),
        "each change of a large room is told by itself",
        instead(Announcer, "_is_small", always(True)),
        of(
            GATHERED,
            "test_changes_of_a_large_room_are_gathered",
            "test_only_who_hears_from_a_newcomer_is_told_of_it_at_once",
        ),
    ),
    Switch(
        "gathered-for-50-ms",
        ("V2",),
        "a large room's members are told after seconds",
        instead(announcer, "GATHERED", 3.0),
        of("signalling/test_gathering.py", "test_a_large_room_hears_of_a_change_soon"),
    ),
    Switch(
        "128-changes-at-most",
        ("V2", "P6"),
        "any number of changes is gathered",
        wait_for_the_timer,
        of(GATHERED, "test_many_changes_do_not_wait"),
    ),
    Switch(
        "nobody-is-told-twice",
        ("V2",),
        "who was told of a newcomer before the others is told again with them",
        tell_all_again,
        of(GATHERED, "test_only_who_hears_from_a_newcomer_is_told_of_it_at_once"),
    ),
    Switch(
        "newcomers-know-themselves",
        ("V2",),
        "a newcomer is told of changes that are in its roster already",
        tell_newcomers_all,
        of(GATHERED, "test_changes_of_a_large_room_are_gathered"),
    ),
)
