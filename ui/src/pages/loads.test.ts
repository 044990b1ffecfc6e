import { expect, it } from "vitest";
import { loadsOf } from "./loads";

it("names the first wave of each visit that needed a load", () => {
  const wave = (wave_id: string, visit_id: string | null, loaded: boolean | null) => ({ wave_id, visit_id, loaded });
  const rows = [wave("12", "2", true), wave("9", "1", true), wave("10", "1", true), wave("11", "3", false)];
  expect([...loadsOf([...rows, wave("13", null, null)])].sort()).toEqual(["12", "9"]);
});
