/** What of the page is needed to compare transports. */

import type { Client, ClientOptions, Room } from "eitherway";

/** The page in its room, and how to make more clients like its own. */
export interface Context {
  readonly room: Room;
  readonly token: string | null;
  /** Every WebRTC connection of the page that is open. */
  readonly connections: ReadonlySet<RTCPeerConnection>;
  /** A client with this page's token. */
  makeClient(options: ClientOptions): Client;
  /** What a peer is called on this page. */
  nameOf(id: string): string;
  /** What the switches have cut. */
  cuts(): { readonly direct: boolean; readonly server: boolean };
}
