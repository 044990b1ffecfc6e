import { describe, expect, it } from "vitest";
import { address } from "./ask";
import { read, write } from "./json";
import { concerns, merged } from "./stream";

describe("JSON", () => {
  it("keeps whole numbers that a double cannot hold", () => {
    const text = '{"id":9007199254740993,"n":1.5,"small":12,"text":"9007199254740993"}';
    expect(write(read(text))).toBe(text);
    expect((read(text) as { id: bigint }).id).toBe(9007199254740993n);
  });
});

describe("an address", () => {
  it("holds what is variable in its path, and the rest as its query", () => {
    expect(address("/api/v1/tasks/{task}", { task: 7 })).toBe("/api/v1/tasks/7");
    expect(address("/api/v1/trace", { record: "a/b c&d", run: undefined })).toBe("/api/v1/trace?record=a%2Fb+c%26d");
    expect(address("/api/v1/x/{name}", { name: "../session" })).toBe("/api/v1/x/..%2Fsession");
    expect(address("/api/v1/tasks", { mine: false, queue: "", limit: 5 })).toBe("/api/v1/tasks?limit=5");
  });
});

describe("a change", () => {
  const change = { run_ids: ["2"], kinds: ["task"] };

  it("concerns the documents of its runs and kinds alone", () => {
    expect(concerns(change, { kinds: ["task"] })).toBe(true);
    expect(concerns(change, { kinds: ["task"], run: "2" })).toBe(true);
    expect(concerns(change, { kinds: ["task"], run: "3" })).toBe(false);
    expect(concerns(change, { kinds: ["run"], run: "2" })).toBe(false);
    expect(concerns(change, { kinds: ["*"], run: "2" })).toBe(true);
  });

  it("concerns everything where nobody knows what has changed, and every run where it names none", () => {
    expect(concerns({ run_ids: [], kinds: ["*"] }, { kinds: ["run"], run: "3" })).toBe(true);
    expect(concerns({ run_ids: [], kinds: ["actor"] }, { kinds: ["actor"], run: "3" })).toBe(true);
  });

  it("is told together with another one", () => {
    expect(merged(change, { run_ids: ["2", "3"], kinds: ["run"] })).toEqual({
      run_ids: ["2", "3"],
      kinds: ["task", "run"],
    });
  });
});
