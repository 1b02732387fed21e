// run_id.ts - a run_id as it is shown where there is little room. Pure.

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The first group of a UUID; other ids whole, for people chose them (CSS cuts what is too long). */
export const shortId = (runId: string): string => (UUID.test(runId) ? runId.slice(0, 8) : runId);
