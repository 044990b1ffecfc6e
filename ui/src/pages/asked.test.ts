import { expect, it } from "vitest";
import { command, interactionsLike, pickCommand } from "./asked";

it("is named with what is asked for, as a shell reads it", () => {
  expect(command({})).toBe("wave report interactions");
  expect(command({ run: "12", state: "failed", error_class: "timeout", before: "99" })).toBe(
    "wave report interactions 12 --state failed --error-class timeout --before 99",
  );
  expect(command({ record: "it's $(so)" })).toBe("wave report interactions --record 'it'\\''s $(so)'");
});

it("of a cause of errors is what that counts", () => {
  const cause = { step: "grade", state: "retrying", error_class: "timeout", rule: null };
  expect(interactionsLike("12", cause)).toEqual({ run: "12", step: "grade", state: "pending", error_class: "timeout" });
});

it("of what is picked names all that match, or each that is ticked", () => {
  expect(pickCommand("retry", "12", { run: "12", state: "failed", record: "a b" }, [])).toBe(
    "wave pick retry 12 --state failed --record 'a b'",
  );
  expect(pickCommand("cancel", "12", {}, ["7", "8"])).toBe("wave pick cancel 12 --interaction 7 --interaction 8");
});
