// store.ts - a value that components share: read it, set it, draw again when it changes.
import { useEffect, useState } from "preact/hooks";

export interface Store<T> {
  get: () => T;
  set: (value: T) => void;
  /** called after each change, until the returned function is called */
  listen: (listener: () => void) => () => void;
}

export function makeStore<T>(initial: T): Store<T> {
  let current = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => current,
    set: (value) => {
      if (Object.is(value, current)) return;
      current = value;
      for (const listener of [...listeners]) listener();
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

/** The store's value; the component is drawn again when it changes. */
export function useStore<T>(store: Store<T>): T {
  const [, draw] = useState(0);
  useEffect(() => {
    const seen = store.get();
    const stop = store.listen(() => draw((at) => at + 1));
    if (!Object.is(seen, store.get())) draw((at) => at + 1);
    return stop;
  }, [store]);
  return store.get();
}
