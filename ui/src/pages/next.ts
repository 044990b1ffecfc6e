/** What to do next, from what the reports say. The first is the most urgent. */

import type { Documents } from "../api/ask";

export type Next = { says: string; to: string; command: string };
export type Seen = {
  alerts: Documents["Alert"][];
  open: number;
  overdue: number;
  held: Documents["Batch"][];
  runs: Documents["ListedRun"][];
};

export function nextOf({ alerts, open, overdue, held, runs }: Seen): Next[] {
  const found: Next[] = [];
  if (alerts.some(({ kind }) => kind === "no_runner"))
    found.push({ says: "Work waits and no runner is at work: start one", to: "/runners", command: "wave runner" });
  for (const { subject } of alerts.filter(({ kind }) => kind === "drifted"))
    found.push({
      says: `Look at what has changed of ${subject}, and approve it`,
      to: "/actors",
      command: "wave actors list",
    });
  for (const { run_id, rows } of held)
    found.push({
      says: `Say whether batch ${run_id} with its ${rows} rows is to be believed`,
      to: "/staging",
      command: `wave staging approve ${run_id}`,
    });
  if (overdue)
    found.push({
      says: `Decide ${overdue} overdue ${overdue === 1 ? "task" : "tasks"}`,
      to: "/tasks",
      command: "wave tasks claim",
    });
  else if (open)
    found.push({ says: `Decide ${open} ${open === 1 ? "task" : "tasks"}`, to: "/tasks", command: "wave tasks claim" });
  for (const run of newestOf(runs))
    if (run.state === "failed")
      found.push({
        says: `See why run ${run.run_id} of ${run.workflow} has failed`,
        to: `/runs/${run.run_id}`,
        command: `wave status --run ${run.run_id}`,
      });
    else if (run.state === "paused")
      found.push({
        says: `Let run ${run.run_id} of ${run.workflow} go on when it may`,
        to: `/runs/${run.run_id}`,
        command: `wave resume run ${run.run_id}`,
      });
  return found;
}

/** The newest run of each workflow: what an older one says is over. They come the newest first. */
function newestOf(runs: Documents["ListedRun"][]): Documents["ListedRun"][] {
  const seen = new Set<string>();
  return runs.filter(({ workflow }) => !seen.has(workflow) && seen.add(workflow));
}
