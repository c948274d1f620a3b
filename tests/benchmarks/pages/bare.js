// A bare RTCPeerConnection with one ordered channel; the benchmark carries offer and answer.
import { use } from "./work.js";

/** Bytes that the sender lets wait in its channel, and those at which it goes on. */
export const FULL = 1024 * 1024;

let connection = null;
let channel = null;
let opened = null;

function prepare() {
  connection = new RTCPeerConnection();
  channel = connection.createDataChannel("load", { negotiated: true, id: 0 });
  opened = new Promise((resolve) => (channel.onopen = resolve));
  use(lineOf(channel));
}

/** What a data channel is to those who work with it, with the backpressure that its users have to do themselves. */
export function lineOf(channel) {
  channel.binaryType = "arraybuffer";
  channel.bufferedAmountLowThreshold = FULL / 2;
  return {
    send(data) {
      channel.send(data);
      if (channel.bufferedAmount < FULL) return undefined;
      return new Promise((resolve) => (channel.onbufferedamountlow = resolve));
    },
    onMessage(handler) {
      channel.onmessage = (event) => handler(event.data);
    },
  };
}

async function described() {
  while (connection.iceGatheringState !== "complete") {
    await new Promise((resolve) => (connection.onicegatheringstatechange = resolve));
  }
  return connection.localDescription.toJSON();
}

/** An offer with all candidates. */
export async function offer() {
  prepare();
  await connection.setLocalDescription();
  return await described();
}

/** The answer to an offer, with all candidates. */
export async function answer(offered) {
  prepare();
  await connection.setRemoteDescription(offered);
  await connection.setLocalDescription();
  return await described();
}

/** Take the answer. */
export async function accept(answered) {
  await connection.setRemoteDescription(answered);
}

/** Until the channel is open. */
export async function open() {
  await opened;
}
