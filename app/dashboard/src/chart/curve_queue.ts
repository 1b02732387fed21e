// curve_queue.ts - curves are read a few at a time, the first of the page first: a page of twenty charts does not
// hold the server's workers, and the first chart does not wait for the last. Called by curve_panel.tsx, compare/use_curves.ts.

const AT_ONCE = 2;
let running = 0;
let waiting: { rank: number; start: () => void }[] = [];

/** Read when it is its turn, lower ranks first; when the signal is used before, it never is. */
export async function inTurn<T>(rank: number, signal: AbortSignal, read: () => Promise<T>): Promise<T> {
  await new Promise<void>((resolve, reject) => {
    const entry = { rank, start: resolve };
    waiting.push(entry);
    signal.addEventListener("abort", () => {
      if (!waiting.includes(entry)) return;
      waiting = waiting.filter((other) => other !== entry);
      reject(signal.reason);
    });
    setTimeout(startNext); // whatever is asked together is ranked together
  });
  try {
    return await read();
  } finally {
    running--;
    startNext();
  }
}

function startNext(): void {
  while (running < AT_ONCE && waiting.length > 0) {
    waiting.sort((a, b) => a.rank - b.rank); // stable: of one rank, the first asked
    running++;
    waiting.shift()?.start();
  }
}
