import { describe, expect, it } from "vitest";
import { PLACES } from "../places";
import { goals } from "./goals";

const said = (typed: string) => goals(PLACES, [], typed).map(({ says }) => says);

describe("where to go", () => {
  it("is every page at first, and those that are called so", () => {
    expect(said("")).toHaveLength(PLACES.length);
    expect(said(" sealed ")).toEqual(["Audit: the sealed log", "the record sealed"]);
  });

  it("is a run or a task by its number, and a record by its key", () => {
    expect(goals(PLACES, [], "12")).toEqual([
      { says: "run 12", to: "/runs/$run", params: { run: "12" } },
      { says: "task 12", to: "/tasks/$task", params: { task: "12" } },
      { says: "the record 12", to: "/record", search: { key: "12" } },
    ]);
    expect(said("posting:7")).toEqual(["the record posting:7"]);
  });

  it("is a saved view by its name", () => {
    const views = [{ page: "runs" as const, name: "What has failed", filter: { state: "failed" } }];
    expect(goals(PLACES, views, "has fail")[0]).toEqual({
      says: "view of runs: What has failed",
      to: "/runs",
      search: { state: "failed" },
    });
    expect(goals(PLACES, views, "")).toHaveLength(PLACES.length);
  });
});
