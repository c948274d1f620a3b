"""Every constant of rules S3 to S8 and S10 (docs/protocol.md). Sizes are bytes, times seconds.

The defaults are the protocol's. Simulations scale them down; both sides of a link must then use the same.
"""

import msgspec

KIB = 1024
MIB = 1024 * KIB


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The constants of a session."""

    # S3: order
    chunk: int = 14_388
    """What messages are cut into. With its header it fills twelve of aiortc's SCTP chunks, and four fill a packet."""
    frame_window: int = 8_192
    """Frames of a lane that may be unacknowledged."""

    # S4: windows and credit
    reliable_window: int = MIB
    """Bytes of the reliable lane that may be unacknowledged."""
    bulk_window: int = 4 * MIB
    """Bytes of the bulk lane that this side leaves unacknowledged."""
    bulk_window_most: int = 16 * MIB
    """Bytes of the bulk lane that the other side may leave unacknowledged."""
    reliable_message: int = MIB
    """The largest message of the reliable lane."""
    bulk_message: int = 16 * MIB
    """The largest message of the bulk lane."""
    frame_charge: int = 64
    """What a frame charges beyond its payload."""
    first_credit: int = 64 * KIB
    """A channel's credit window until something listens."""
    reliable_credit: int = 1_152 * KIB
    """A reliable channel's credit window once something listens."""
    bulk_credit: int = 17_408 * KIB
    """A bulk channel's credit window once something listens."""
    channels: int = 64
    """Channels open at one time in one direction, the default channel among them."""
    ack_delay: float = 0.020
    """An acknowledgement waits at most this long ..."""
    ack_bytes: int = 128 * KIB
    """... or until so much has come in ..."""
    ack_pause: float = 0.005
    """... but not sooner after the last one than this: at high rates acknowledgements cost more than they tell."""

    # S5: no silent deadlock
    ping_outstanding: float = 1.0
    """Between pings on the path in use while something is outstanding."""
    ping_idle: float = 5.0
    """Between pings on the path in use while nothing is."""

    # S6: resending
    timeout_least: float = 3.0
    """A lane that nothing was acknowledged of for so long is sent again ..."""
    timeout_rtts: float = 8.0
    """... or for so many smoothed round trips, if that is longer ..."""
    timeout_most: float = 30.0
    """... doubling up to this ..."""
    timeout_burst: int = 64 * KIB
    """... and of it only the oldest so many bytes."""
    relay_unacked: int = 256 * KIB
    """Bytes that may be unacknowledged by the peer over one relay instance, at first."""
    relay_unacked_least: int = 32 * KIB
    """Where halving them after `busy` ends."""
    relay_unacked_most: int = 3 * MIB
    """Where their growth ends."""
    relay_unacked_time: float = 0.100
    """Beside what the shortest round trip takes, they are no more than the path's rate brings in so many seconds."""
    relay_unacked_step: int = 2 * KIB
    """By how much each acknowledgement lets them grow once the relay has been busy."""
    busy_wait: float = 0.1
    """The pause after `busy` or `rate-limited`, doubling ..."""
    busy_wait_most: float = 2.0
    """... to this; also the pause after `away` and `unknown-peer`, unless the instance ends before."""

    # S7: proof and suspicion
    silence: float = 0.350
    """Direct is suspect after silence of so long ..."""
    silence_most: float = 1.0
    """... or of `learned_factor` times the longest silence that ended well, at most this."""
    no_proof: float = 0.700
    """Direct is suspect after so long without proof ..."""
    no_proof_most: float = 2.0
    """... or likewise, at most this."""
    far_rtts: float = 5.0
    """Where so many of the shortest round trips are longer than `silence_most`, they are the most; twice as many for
    time without proof. On a full path it takes at least as long."""
    full: int = 64 * KIB
    """A path is full when more than this was sent by it and is not acknowledged."""
    new_rtts: float = 4.0
    """A silence that begins within so many round trips from the path's opening may be as long as the longest."""
    learned_factor: float = 2.0
    learned_for: float = 120.0
    """How long a silence is remembered."""
    unlearned_rtts: float = 4.0
    """Before anything is learned, silence and time without proof may be this many smoothed round trips."""
    unknown_rtt: float = 0.1
    """What counts as a round trip before the first was measured."""
    ping_unproved: float = 0.1
    """Outstanding data without proof for so long is followed by a ping ..."""
    ping_unproved_rtts: float = 2.0
    """... or for so many smoothed round trips, if that is longer."""
    late: float = 0.050
    """A timer that is later than this says that our own program stalled."""
    ping_suspect: float = 0.200
    """Between pings on a suspect path, and on one that is not adopted yet."""
    pongs_back: int = 3
    """So many pongs make a suspect path trusted again ..."""
    hold_back: float = 2.0
    """... but from the second suspicion within `hold_back_within` on, not before so long, doubling ..."""
    hold_back_most: float = 30.0
    """... to this."""
    hold_back_within: float = 60.0
    bulk_pause: float = 2.0
    """So long bulk waits while direct is suspect, before it follows over the relay."""
    queue_time: float = 0.050
    """What may wait in a path's send buffer, in seconds of its rate ..."""
    queue_least: int = 16 * KIB
    """... but at least this ..."""
    queue_most: int = 256 * KIB
    """... and at most this."""
    relay_queue_least: int = 64 * KIB
    """On the relay at least this, beside rate times round trip: the server acknowledges every 64 KiB."""
    direct_packet: int = 57_600
    """A packet on the direct path, where its queue has room for so much: four full frames."""
    datagram_packet: int = 1_100
    """Datagrams and unsequenced frames that share a packet: what fits one UDP packet is lost alone."""
    relay_packet: int = 60_000 - 64
    """The frames of a packet on the relay, which the seal makes a little longer."""

    # S10: a peer may lie
    credit_most: int = 64 * MIB
    """No honest peer lets this much more be sent than it has handled."""
    pongs_most: int = 64
    """Pings of one turn that are answered; also pings of ours that are remembered."""
