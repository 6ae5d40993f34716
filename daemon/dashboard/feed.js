// The daemon's events as they happen. The page takes an event as word that something has changed, and reads that anew:
// what an order may do next is the daemon's to know.

const SILENCE_MS = 40_000; // the daemon says something every 15 s
const LONGEST_GAP_MS = 2_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;

/**
 * Follow the events for ever. `onOpen(hello)` when a stream begins, whatever was missed is to be read anew then;
 * `onEvent(name, data)`; `onLost(error)` when it has ended or cannot begin.
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
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => ending.abort(new Error("the daemon has said nothing for long")), SILENCE_MS);
  };
  heard();
  try {
    const response = await fetch("/v1/events", { cache: "no-store", signal: ending.signal });
    if (!response.ok) throw new Error(`the daemon answered ${response.status}`);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the daemon ended the connection");
      heard();
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
 * Return a function that lets something be read anew, soon and never twice at once. The pause after a read is three times
 * as long as it took: a daemon that is busy is not made busier by those who watch it.
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
