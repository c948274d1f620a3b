/** WebRTC connections that can be cut: the page gives this class to its client in place of the browser's own. */

import type { Cut } from "./cut.ts";

/** A connection that carried something before the cut is closed for the others only when the cut is healed. */
const CONNECTION_EVENTS = ["connectionstatechange", "iceconnectionstatechange", "datachannel"] as const;
const CHANNEL_EVENTS = ["open", "message", "closing", "close", "error", "bufferedamountlow"] as const;

/** The browser's RTCPeerConnection, with a cut in it. */
export function cuttableConnection(cut: Cut): typeof RTCPeerConnection {
  return class extends RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      cut.holdEvents(this, CONNECTION_EVENTS);
    }

    override createDataChannel(label: string, init?: RTCDataChannelInit): RTCDataChannel {
      const channel = super.createDataChannel(label, init);
      cut.holdEvents(channel, CHANNEL_EVENTS);
      hold(channel, cut);
      return channel;
    }

    override close(): void {
      // That we close is something that the other side could not hear of.
      if (this.connectionState === "connected") cut.pass(() => super.close());
      else super.close();
    }
  };
}

/** What is sent while cut waits, as it would in SCTP; on a channel that sends nothing again it is lost. */
function hold(channel: RTCDataChannel, cut: Cut): void {
  const send = channel.send.bind(channel) as (data: Uint8Array) => void;
  const buffered = Object.getOwnPropertyDescriptor(RTCDataChannel.prototype, "bufferedAmount");
  let waiting = 0;
  Object.defineProperty(channel, "bufferedAmount", {
    get: () => (buffered?.get?.call(channel) as number) + waiting,
  });
  channel.send = (data: unknown) => {
    const packet = data as Uint8Array; // the client sends nothing else
    if (!cut.on) {
      send(packet);
      return;
    }
    if (channel.maxRetransmits === 0) return;
    const copy = packet.slice();
    waiting += copy.length;
    cut.pass(() => {
      waiting -= copy.length;
      if (channel.readyState !== "open") return;
      send(copy);
      if (waiting === 0) channel.dispatchEvent(new Event("bufferedamountlow"));
    });
  };
}
