import { describe, expect, it } from "vitest";
import { pieces, printable, readable, shown } from "./source";

describe("what a task shows", () => {
  it("is text, and JSON only where it is nested", () => {
    const found = shown({
      job_title: "Nurse",
      skills: ["a", "b"],
      said: { level: "mid", sure: true },
      deep: { a: [{}] },
    });
    expect(found.map(({ name, text, json }) => [name, text, json])).toEqual([
      ["job title", "Nurse", false],
      ["skills", "a\nb", false],
      ["said: level", "mid", false],
      ["said: sure", "true", false],
      ["deep", '{\n  "a": [\n    {}\n  ]\n}', true],
    ]);
  });

  it("is read without its markup, and can be seen with it", () => {
    const raw = "<h2>Nurse</h2><p>Care &amp; more<br>at night</p><script>alert(1)</script>";
    expect(readable(raw)).toBe("Nurse\n\nCare & more\nat night");
    expect(shown({ raw })[0]?.raw).toBe(raw);
    expect(shown({ raw: "a < b and c > d, <Name>" })[0]).toMatchObject({ text: "a < b and c > d, <Name>", raw: null });
  });

  it("has no character that is not seen", () => {
    expect(printable("a\r\nb\tc\u0007\u202ed")).toBe("a\nb\tc\ufffd\ufffdd");
    expect(readable("<b>x</b>&#8238;y&#999999;")).toContain("\ufffd");
  });
});

describe("what is looked for", () => {
  it("is found whatever its case, as it is written, and the rest stays whole", () => {
    const found = pieces("A+ and a+, not aa", "a+");
    expect(found.filter(({ hit }) => hit).map(({ text }) => text)).toEqual(["A+", "a+"]);
    for (const wanted of ["a", " ", "", "(", "\\", "zz"])
      expect(
        pieces("A (b) \\ a", wanted)
          .map(({ text }) => text)
          .join(""),
      ).toBe("A (b) \\ a");
    expect(pieces("a".repeat(900), "a").filter(({ hit }) => hit)).toHaveLength(500);
  });

  it("is found however its lines are broken", () => {
    expect(pieces("ten\n  years. Ten", "Ten years").filter(({ hit }) => hit)).toEqual([
      { text: "ten\n  years", hit: true },
    ]);
  });
});
