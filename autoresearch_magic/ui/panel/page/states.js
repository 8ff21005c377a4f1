/** The states of a study. */

export const AT_REST = new Set(["paused", "stopped", "finished", "failed"]);
export const ENDED = new Set(["stopped", "finished", "failed"]);
export const AT_WORK = new Set(["starting", "baseline", "running", "waiting", "confirming", "measuring"]);
