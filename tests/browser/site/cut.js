// A cut in direct paths that neither end is told of: what is sent is dropped, and so is what comes.

const connections = new Set();
let cut = false;

/** The browser's RTCPeerConnection. One that has been cut carries nothing any more: a new one is needed, as in life. */
export class CuttableConnection extends RTCPeerConnection {
  dead = cut;

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
  /** New connections work again. */
  restore() {
    cut = false;
  },
};
