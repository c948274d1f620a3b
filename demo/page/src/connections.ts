/** The WebRTC connections of this page, for those who want to know what the browser knows of them. */

/** A kind of connection, and all of that kind that are open. */
export interface Connections {
  readonly Connection: typeof RTCPeerConnection;
  readonly all: ReadonlySet<RTCPeerConnection>;
}

/** The same kind of connection, of which each is remembered until it is closed. */
export function remembered(Connection: typeof RTCPeerConnection): Connections {
  const all = new Set<RTCPeerConnection>();
  return {
    all,
    Connection: class extends Connection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        all.add(this);
      }

      override close(): void {
        all.delete(this);
        super.close();
      }
    },
  };
}
