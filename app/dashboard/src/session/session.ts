// session.ts - who is signed in: the account that the server sees, and whether a key is asked for.
// Used by app.tsx. Next: key_dialog.tsx.
import { ApiError } from "../api/api_error";
import { onKeyNeeded } from "../api/http";
import { reconnectLive } from "../api/live";
import { readSession, signIn, signOut } from "../api/trainings";
import type { Caller } from "../api/types";
import { makeStore } from "../store";
import { tell } from "../ui/toast";

export interface Session {
  /** null: not known yet, or a key is needed */
  caller: Caller | null;
  /** the dialog that asks for a key is open */
  asking: boolean;
  /** counts sign-ins and sign-outs: what was read before is another account's */
  epoch: number;
}

export const session = makeStore<Session>({ caller: null, asking: false, epoch: 0 });

const change = (part: Partial<Session>): void => session.set({ ...session.get(), ...part });

export const askForKey = (): void => change({ asking: true });
export const dismissKey = (): void => change({ asking: false });

/** Learn who we are, and ask for a key whenever one turns out to be needed. */
export function beginSession(): void {
  onKeyNeeded(() => {
    if (!session.get().asking) change({ caller: null, asking: true });
  });
  readSession().then(
    (caller) => change({ caller }),
    (error: unknown) => {
      if (error instanceof ApiError && error.status === 401) change({ asking: true });
    },
  );
}

/** Errors: ApiError, 401 when the key is wrong. */
export async function enter(key: string): Promise<void> {
  const caller = await signIn(key);
  change({ caller, asking: false, epoch: session.get().epoch + 1 });
  reconnectLive();
}

export async function leave(): Promise<void> {
  try {
    await signOut();
  } catch (error) {
    tell(`Not signed out: ${error instanceof Error ? error.message : String(error)}`, "failed");
    return;
  }
  change({ caller: null, epoch: session.get().epoch + 1 });
  reconnectLive();
  readSession().then(
    (caller) => change({ caller }),
    () => change({ asking: true }),
  );
}

/** Whether the caller may change anything; true while that is not known. */
export const mayWrite = (at: Session): boolean => at.caller === null || at.caller.scopes.includes("write");
