// The stream of the daemon's events. An event only tells the page that something has changed. The page then reads the
// current state from the daemon, which knows what each order does next.

const SILENCE_MS = 40_000; // the daemon sends a heartbeat every 15 s
const LONGEST_GAP_MS = 2_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;

/**
 * Follow the events without end. `onOpen(hello)` is called when a stream begins: events may have been missed, so read the
 * current state. `onEvent(name, data)` is called for each event, `onLost(error)` when a stream ends or cannot begin.
 */
export async function follow({ onOpen, onEvent, onLost }) {
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    try {
      await listen(
        (hello) => {
          pause = FIRST_PAUSE_MS;
          onOpen(hello);
        },
        onEvent,
      );
    } catch (error) {
      onLost(error);
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
  }
}

async function listen(onOpen, onEvent) {
  const ending = new AbortController();
  let silence = 0;
  const restartTimer = () => {
    clearTimeout(silence);
    silence = setTimeout(() => ending.abort(new Error(`no data from the daemon for ${SILENCE_MS / 1000} s`)), SILENCE_MS);
  };
  restartTimer();
  try {
    const response = await fetch("/v1/events", { cache: "no-store", signal: ending.signal });
    if (!response.ok) throw new Error(`the daemon answered ${response.status}`);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the daemon ended the connection");
      restartTimer();
      const messages = (rest + value).split("\n\n");
      rest = messages.pop();
      for (const message of messages) {
        const { name, data } = parse(message);
        if (data === null) continue;
        if (name === "hello" || name === "reset") onOpen(data);
        else onEvent(name, data);
      }
    }
  } finally {
    clearTimeout(silence);
    ending.abort();
  }
}

function parse(message) {
  let name = "message";
  const data = [];
  for (const line of message.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5));
  }
  return { name, data: data.length ? JSON.parse(data.join("\n")) : null };
}

/**
 * Return a function that requests a read: soon, and one at a time. The pause after a read is three times as long as the
 * read took, so that the page adds little load to a busy daemon.
 */
export function reader(work, gapMs, onFailure) {
  let wanted = false;
  let running = false;
  const run = async () => {
    running = true;
    while (wanted) {
      wanted = false;
      const began = performance.now();
      try {
        await work();
      } catch (error) {
        onFailure(error);
      }
      const pause = Math.max(gapMs, Math.min(LONGEST_GAP_MS, 3 * (performance.now() - began)));
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    running = false;
  };
  return () => {
    wanted = true;
    if (!running) run();
  };
}
