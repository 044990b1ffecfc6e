import { expect, it } from "vitest";
import { nextOf, type Seen } from "./next";

const NOTHING: Seen = { alerts: [], open: 0, overdue: 0, held: [], runs: [] };
const run = (run_id: string, state: string, workflow = "work") => ({ run_id, state, workflow }) as Seen["runs"][number];

it("says nothing where nothing is to be done", () => {
  expect(nextOf(NOTHING)).toEqual([]);
  expect(nextOf({ ...NOTHING, runs: [run("3", "completed")] })).toEqual([]);
});

it("puts first what keeps everything from moving", () => {
  const alert = (kind: string, subject: string) => ({ kind, subject, since: "", message: "" });
  const found = nextOf({ ...NOTHING, open: 3, alerts: [alert("drifted", "actor count"), alert("no_runner", "run 1")] });
  expect(found.map(({ to }) => to)).toEqual(["/runners", "/actors", "/tasks"]);
});

it("names the newest run of each workflow alone: what an older one says is over", () => {
  const runs = [run("4", "completed"), run("3", "failed"), run("2", "failed", "other")];
  expect(nextOf({ ...NOTHING, runs }).map(({ to }) => to)).toEqual(["/runs/2"]);
});

it("asks for overdue tasks before the others, and says how many", () => {
  expect(nextOf({ ...NOTHING, open: 3, overdue: 1 })[0]?.says).toBe("Decide 1 overdue task");
  expect(nextOf({ ...NOTHING, open: 3 })[0]?.says).toBe("Decide 3 tasks");
});
