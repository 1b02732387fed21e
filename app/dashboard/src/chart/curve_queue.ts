// curve_queue.ts - curves are read a few at a time, those asked first first: a page of twenty charts does not
// hold the server's workers, and the first chart does not wait for the last. Called by curve_panel.tsx, compare_page.tsx.

const AT_ONCE = 2;
let running = 0;
const waiting: (() => void)[] = [];

/** Read when it is its turn; when the signal is used first, it never is. */
export async function inTurn<T>(signal: AbortSignal, read: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE)
    await new Promise<void>((resolve, reject) => {
      waiting.push(resolve);
      signal.addEventListener("abort", () => {
        const at = waiting.indexOf(resolve);
        if (at < 0) return;
        waiting.splice(at, 1);
        reject(signal.reason);
      });
    });
  else running++;
  try {
    return await read();
  } finally {
    // The place is handed over, or given back.
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}
