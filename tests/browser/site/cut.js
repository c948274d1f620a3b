// A cut in direct paths that neither end is told of: what is sent is dropped, and so is what comes.

const connections = new Set();
let cut = false;

/** The browser's RTCPeerConnection. One that has been cut carries nothing any more, and is closed when the cut is over. */
export class CuttableConnection extends RTCPeerConnection {
  dead = cut;
  channels = [];

  constructor(configuration) {
    super(configuration);
    connections.add(this);
  }

  createDataChannel(label, options) {
    const channel = super.createDataChannel(label, options);
    for (const type of ["open", "message", "closing", "close", "error"]) {
      // Before anybody else listens: attributes such as `onmessage` are set later.
      channel.addEventListener(type, (event) => {
        if (this.dead) event.stopImmediatePropagation();
      });
    }
    this.channels.push(channel);
    const send = channel.send.bind(channel);
    channel.send = (data) => {
      if (!this.dead) send(data);
    };
    return channel;
  }

  close() {
    connections.delete(this);
    super.close();
  }
}

globalThis.directPath = {
  /** From now on nothing goes directly. */
  cut() {
    cut = true;
    for (const connection of connections) connection.dead = true;
  },
  /** New connections work again; those that have been cut are closed, of which both ends are told. */
  restore() {
    cut = false;
    for (const connection of [...connections].filter(({ dead }) => dead)) {
      connection.close();
      connection.dead = false;
      for (const channel of connection.channels) channel.dispatchEvent(new Event("close"));
    }
  },
};
