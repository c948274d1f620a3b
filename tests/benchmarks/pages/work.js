// What every side does with its line: `send(bytes)` gives a promise if the sender has to wait, `onMessage(handler)` says
// who gets what arrives, `flush()` waits until the other side has handled everything, where there is such a thing.

let line = null;
let counted = null;

/** Work with this line from now on. */
export function use(made) {
  line = made;
}

/** Begin to count messages; `total` waits for the last. */
export function count(messages) {
  counted = new Promise((resolve) => {
    let left = messages;
    let start = 0;
    line.onMessage(() => {
      if (left === messages) start = performance.now();
      left -= 1;
      if (left === 0) resolve({ seconds: (performance.now() - start) / 1e3 });
    });
  });
}

/** How long it was from the first message to the last. */
export function total() {
  return counted;
}

/** Send messages as fast as the line takes them. */
export async function send(messages, size) {
  const data = new Uint8Array(size);
  for (let left = messages; left > 0; left--) {
    const room = line.send(data);
    if (room !== undefined) await room;
  }
  await line.flush?.();
}

/** Send back what comes. */
export function echo() {
  line.onMessage((data) => {
    line.send(data);
  });
}

/** Send a message and wait for the answer, so many times: how long each took, in seconds. */
export async function ping(times, size) {
  const data = new Uint8Array(size);
  const seconds = [];
  let answered = null;
  line.onMessage(() => answered());
  for (let left = times; left > 0; left--) {
    const answer = new Promise((resolve) => (answered = resolve));
    const start = performance.now();
    line.send(data);
    await answer;
    seconds.push((performance.now() - start) / 1e3);
  }
  return seconds;
}
