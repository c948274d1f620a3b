/** Every constant of rules S3 to S8 and S10 (docs/protocol.md). Sizes are bytes, times seconds. */

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** The protocol's constants. Simulations scale them down; both sides of a link must then use the same. */
export const RULES = {
  // S3: order
  /** What messages are cut into. With its header it fills twelve of aiortc's SCTP chunks, and four fill a packet. */
  chunk: 14_388,
  /** Frames of a lane that may be unacknowledged. */
  frameWindow: 8_192,

  // S4: windows and credit
  /** Bytes of the reliable lane that may be unacknowledged. */
  reliableWindow: MIB,
  /** Bytes of the bulk lane that this side leaves unacknowledged. */
  bulkWindow: 4 * MIB,
  /** Bytes of the bulk lane that the other side may leave unacknowledged. */
  bulkWindowMost: 16 * MIB,
  /** The largest message of the reliable lane. */
  reliableMessage: MIB,
  /** The largest message of the bulk lane. */
  bulkMessage: 16 * MIB,
  /** What a frame charges beyond its payload. */
  frameCharge: 64,
  /** A channel's credit window until something listens. */
  firstCredit: 64 * KIB,
  /** A reliable channel's credit window once something listens. */
  reliableCredit: 1_152 * KIB,
  /** A bulk channel's credit window once something listens. */
  bulkCredit: 17_408 * KIB,
  /** Channels open at one time in one direction, the default channel among them. */
  channels: 64,
  /** An acknowledgement waits at most this long ... */
  ackDelay: 0.02,
  /** ... or until so much has come in ... */
  ackBytes: 128 * KIB,
  /** ... but not sooner after the last one than this: at high rates acknowledgements cost more than they tell. */
  ackPause: 0.005,

  // S5: no silent deadlock
  /** Between pings on the path in use while something is outstanding. */
  pingOutstanding: 1.0,
  /** Between pings on the path in use while nothing is. */
  pingIdle: 5.0,

  // S6: resending
  /** A lane that nothing was acknowledged of for so long is sent again ... */
  timeoutLeast: 3.0,
  /** ... or for so many smoothed round trips, if that is longer ... */
  timeoutRtts: 8.0,
  /** ... doubling up to this ... */
  timeoutMost: 30.0,
  /** ... and of it only the oldest so many bytes. */
  timeoutBurst: 64 * KIB,
  /** Bytes that may be unacknowledged by the peer over one relay instance, at first. */
  relayUnacked: 256 * KIB,
  /** Where halving them after `busy` ends. */
  relayUnackedLeast: 32 * KIB,
  /** Where their growth ends. */
  relayUnackedMost: 3 * MIB,
  /** Beside what the shortest round trip takes, they are no more than the path's rate brings in so many seconds. */
  relayUnackedTime: 0.1,
  /** By how much each acknowledgement lets them grow once the relay has been busy. */
  relayUnackedStep: 2 * KIB,
  /** The pause after `busy` or `rate-limited`, doubling ... */
  busyWait: 0.1,
  /** ... to this; also the pause after `away` and `unknown-peer`, unless the instance ends before. */
  busyWaitMost: 2.0,

  // S7: proof and suspicion
  /** Direct is suspect after silence of so long ... */
  silence: 0.35,
  /** ... or of `learnedFactor` times the longest silence that ended well, at most this. */
  silenceMost: 1.0,
  /** Direct is suspect after so long without proof ... */
  noProof: 0.7,
  /** ... or likewise, at most this. */
  noProofMost: 2.0,
  /** Where so many of the shortest round trips are longer than `silenceMost`, they are the most; twice as many for
   * time without proof. On a full path it takes at least as long. */
  farRtts: 5.0,
  /** A path is full when more than this was sent by it and is not acknowledged. */
  full: 64 * KIB,
  /** A silence that begins within so many round trips from the path's opening may be as long as the longest. */
  newRtts: 4.0,
  learnedFactor: 2.0,
  /** How long a silence is remembered. */
  learnedFor: 120.0,
  /** Before anything is learned, silence and time without proof may be this many smoothed round trips. */
  unlearnedRtts: 4.0,
  /** What counts as a round trip before the first was measured. */
  unknownRtt: 0.1,
  /** Outstanding data without proof for so long is followed by a ping ... */
  pingUnproved: 0.1,
  /** ... or for so many smoothed round trips, if that is longer. */
  pingUnprovedRtts: 2.0,
  /** A timer that is later than this says that our own program stalled. */
  late: 0.05,
  /** Between pings on a suspect path, and on one that is not adopted yet. */
  pingSuspect: 0.2,
  /** So many pongs make a suspect path trusted again ... */
  pongsBack: 3,
  /** ... but from the second suspicion within `holdBackWithin` on, not before so long, doubling ... */
  holdBack: 2.0,
  /** ... to this. */
  holdBackMost: 30.0,
  holdBackWithin: 60.0,
  /** So long bulk waits while direct is suspect, before it follows over the relay. */
  bulkPause: 2.0,
  /** What may wait in a path's send buffer, in seconds of its rate ... */
  queueTime: 0.05,
  /** ... but at least this ... */
  queueLeast: 16 * KIB,
  /** ... and at most this. */
  queueMost: 256 * KIB,
  /** On the relay at least this, beside rate times round trip: the server acknowledges every 64 KiB. */
  relayQueueLeast: 64 * KIB,
  /** A packet on the direct path, where its queue has room for so much: four full frames. */
  directPacket: 57_600,
  /** Datagrams and unsequenced frames that share a packet: what fits one UDP packet is lost alone. */
  datagramPacket: 1_100,
  /** The frames of a packet on the relay, which the seal makes a little longer. */
  relayPacket: 60_000 - 64,

  // S10: a peer may lie
  /** No honest peer lets this much more be sent than it has handled. */
  creditMost: 64 * MIB,
  /** Pings of one turn that are answered; also pings of ours that are remembered. */
  pongsMost: 64,
};

/** The constants of a session. */
export type Rules = Readonly<typeof RULES>;
