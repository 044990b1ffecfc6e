import { expect, it } from "vitest";
import { ago, count, counted, duration, percent } from "./format";

it("writes lengths of time in their two largest units", () => {
  const said = [0.0123, 2.34, 59.9, 60, 61, 3600, 7500, 90061, null].map(duration);
  expect(said).toEqual(["12 ms", "2.3 s", "59 s", "1 min", "1 min 1 s", "1 h", "2 h 5 min", "1 d 1 h", "–"]);
});

it("says how long ago something was, or when it will be", () => {
  const now = Date.parse("2026-11-30T12:00:00Z");
  expect(ago("2026-11-30T11:58:00Z", now)).toBe("2 min ago");
  expect(ago("2026-11-30T11:59:57Z", now)).toBe("now");
  expect(ago("2026-11-30T13:00:00Z", now)).toBe("in 1 h");
});

it("writes numbers as people read them", () => {
  expect([count(31000), count(null), counted(1, "row"), counted(2, "row"), percent(99.94), percent(100)]).toEqual([
    "31,000",
    "–",
    "1 row",
    "2 rows",
    "99.9 %",
    "100 %",
  ]);
});
