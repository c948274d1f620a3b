"""S8: flush, close, and what is said of the rest."""

from peers.codec.payloads import Credit
from peers.session.byes import Byes
from peers.session.events import Outbound
from peers.session.receiver import Receiver
from peers.session.sender import Sender
from peers.session.unsequenced import Unsequenced
from tests.sabotage.switch import Patch, Switch, instead, lives, of

ENDS = "session/test_ends.py"


def call_received_handled(patch: Patch) -> None:
    def credits(self: Receiver, every: bool) -> list[Credit]:
        return [(c.number, max(c.limit, c.received), c.received) for c in self.channels.values()]

    patch.setattr(Receiver, "credits", credits)


def forget_what_came(patch: Patch) -> None:
    was = Byes.check

    def check(self: Byes, now: float) -> bool:
        if self._receiver.complete:
            self._events.clear()
        return was(self, now)

    patch.setattr(Byes, "check", check)


def report_queues_only(patch: Patch) -> None:
    was = Sender.end

    def end(self: Sender) -> list[Outbound]:
        for lane in self.lanes:
            lane.unacked.clear()
        return was(self)

    patch.setattr(Sender, "end", end)


SWITCHES = (
    Switch(
        "flush-until-handled",
        ("S8",),
        "what was received counts as handled",
        call_received_handled,
        lives(0) + of(ENDS, "test_flush_ends_when_everything_was_handled_not_just_received"),
    ),
    Switch(
        "bye-after-bulk",
        ("S8", "P2"),
        "a bye does not wait for bulk that is on its way",
        instead(Receiver, "complete", property(lambda self: self.bye is not None)),
        of(ENDS, "test_a_bye_waits_for_bulk_that_is_still_on_its_way"),
    ),
    Switch(
        "last-word",
        ("S8", "P2"),
        "the last acknowledgement goes by the direct path alone, which leaving cuts off",
        instead(Unsequenced, "last_word", Unsequenced.ack_by),
        of(ENDS, "test_who_ends_tells_by_the_relay_what_the_direct_path_may_lose"),
    ),
    Switch(
        "kept-at-the-end",
        ("S8", "P2"),
        "what came before the end and was not handled is thrown away",
        forget_what_came,
        of(ENDS, "test_a_bye_waits_for_bulk_that_is_still_on_its_way"),
    ),
    Switch(
        "undelivered",
        ("S8", "S1", "P2"),
        "what was sent and not acknowledged is not reported",
        report_queues_only,
        of(ENDS, "test_undelivered_is_what_was_not_acknowledged_in_order")
        + of("peers/test_replaced.py", "test_a_restarted_program_is_a_new_peer_and_what_is_unknown_is_reported"),
    ),
)
