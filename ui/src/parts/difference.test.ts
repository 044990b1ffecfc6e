import { describe, expect, it } from "vitest";
import { difference } from "./difference";

const marked = (before: string, after: string) =>
  difference(before, after)
    .map(({ kind, text }) => ({ same: text, gone: `[-${text}-]`, new: `[+${text}+]` })[kind])
    .join("");

describe("what differs between two texts", () => {
  it("is said word by word", () => {
    expect(marked("a nurse for nights", "a nurse for days")).toBe("a nurse for [-nights-][+days+]");
    expect(marked("one two three", "two three four")).toBe("[-one -]two [-three-][+three four+]");
    expect(marked("same", "same")).toBe("same");
    expect(marked("", "new")).toBe("[+new+]");
    expect(marked("gone", "")).toBe("[-gone-]");
  });

  it("loses nothing of either, however long they are", () => {
    for (const n of [3, 40, 1500]) {
      const before = Array.from({ length: n }, (_, at) => `w${(at * 7) % 11}`).join(" ");
      const after = Array.from({ length: n }, (_, at) => `w${(at * 5) % 13}`).join("\n");
      const parts = difference(before, after);
      const without = (kind: string) => parts.filter((one) => one.kind !== kind).map(({ text }) => text);
      expect(without("new").join("")).toBe(before);
      expect(without("gone").join("")).toBe(after);
    }
  });
});
