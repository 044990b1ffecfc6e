import { describe, expect, it } from "vitest";
import type { Documents } from "../api/ask";
import { inOrder, stood, upTo, valueThen } from "./past";

const at = (second: number) => `2026-01-02T03:04:0${second}.000001+00:00`;
const event = (event_id: string, interaction_id: string, type: string, second: number, own = true) =>
  ({
    ...{ event_id, interaction_id, type: `interaction_${type}`, own },
    ...{ step: `step ${interaction_id}`, actor: "somebody", recorded_at: at(second) },
  }) as Documents["Event"];
const EVENTS = inOrder([
  event("9", "1", "started", 0, false),
  event("13", "2", "completed", 4),
  event("10", "2", "started", 1),
  event("11", "2", "retry_scheduled", 2),
  event("12", "2", "started", 3),
  event("14", "3", "started", 5),
  event("15", "3", "doubted", 6),
]);
const by = (interaction_id: string, second: number) =>
  ({ interaction_id, run_id: "1", step: "s", actor: "a", written_at: at(second) }) as Documents["Writer"];

describe("how a record stood", () => {
  it("is what its own events had said by then", () => {
    expect(EVENTS.map(({ event_id }) => event_id)).toEqual(["10", "11", "12", "13", "14", "15"]);
    const states = (last?: string) => stood(upTo(EVENTS, last)).map(({ step, state }) => `${step} ${state}`);
    expect(states("10")).toEqual(["step 2 running"]);
    expect(states("11")).toEqual(["step 2 pending"]);
    expect(states("14")).toEqual(["step 2 completed", "step 3 running"]);
    expect(states()).toEqual(states("15"));
    expect(states("99")).toEqual(states("15"));
  });

  it("has the value that was written last, though its clock was ahead of the event", () => {
    const found = {
      now: "third",
      writer: by("3", 7),
      earlier: [
        { value: "first", replaced_at: at(4), writer: by("77", 0), erased: false, sha256: null },
        { value: "second", replaced_at: at(7), writer: by("2", 5), erased: false, sha256: null },
      ],
    };
    const value = (last?: string) => valueThen(found, EVENTS, upTo(EVENTS, last))?.value;
    expect(value("12")).toBe("first");
    expect(value("13")).toBe("second");
    expect(value()).toBe("second"); // the third is of a step that has not completed yet
    expect(valueThen({ ...found, earlier: [] }, EVENTS, upTo(EVENTS, "12"))).toBeNull();
    expect(valueThen({ now: 1, writer: null, earlier: [] }, EVENTS, [])?.value).toBe(1);
  });
});
