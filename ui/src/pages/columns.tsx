import type { Documents } from "../api/ask";
import { duration } from "../parts/format";
import { type Column, RunLink, State, When } from "../parts/shown";

export const runColumns: Column<Documents["ListedRun"]>[] = [
  { name: "run", of: (run) => <RunLink run={run.run_id} /> },
  { name: "workflow", of: (run) => run.workflow },
  { name: "state", of: (run) => <State of={run.state} /> },
  { name: "started", of: (run) => <When at={run.started_at} /> },
  { name: "by", of: (run) => run.started_by },
  { name: "took", of: (run) => duration(run.seconds), right: true },
  { name: "why", of: (run) => run.reason ?? "" },
];
