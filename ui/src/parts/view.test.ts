import { describe, expect, it } from "vitest";
import { isSame, said, saveCommand, whyNot } from "./view";

describe("a view", () => {
  it("is what narrows a list, in whatever order, and nothing that says nothing", () => {
    expect(isSame({ state: "failed", run: "1" }, { run: "1", state: "failed", step: undefined, rule: "" })).toBe(true);
    expect(isSame({ state: "failed" }, { state: "failed", run: "1" })).toBe(false);
    expect(isSame({ state: "failed" }, { step: "failed" })).toBe(false);
    expect(said({ error_class: "timeout", run: "1", rule: undefined })).toBe("error class timeout, run 1");
  });

  it("is none of what is not narrowed, or is of one record", () => {
    expect(whyNot({ state: "failed" })).toBeUndefined();
    expect(whyNot({ state: "" })).toContain("narrow");
    expect(whyNot({ state: "failed", record: "a key" })).toContain("one record");
  });

  it("is saved by a command that a shell reads as it is", () => {
    expect(saveCommand("Ida's", "runs", { workflow: "a b&c", state: undefined })).toBe(
      `wave views save 'Ida'\\''s' 'runs?workflow=a+b%26c'`,
    );
  });
});
