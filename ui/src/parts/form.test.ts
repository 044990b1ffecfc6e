import { describe, expect, it } from "vitest";
import { answered, fields, filled, quoteOf } from "./form";

const FORM = {
  type: "object",
  required: ["verdict", "score", "note", "maybe"],
  $defs: { level: { enum: ["junior", "senior", null] } },
  properties: {
    verdict: { enum: ["yes", "no"], title: "Your verdict" },
    score: { type: "integer", minimum: 0 },
    note: { type: "string" },
    long: { type: "string", maxLength: 2000 },
    sure: { type: "boolean", default: true },
    maybe: { anyOf: [{ type: "number" }, { type: "null" }] },
    level: { $ref: "#/$defs/level" },
    tags: { type: "array", items: { enum: ["a", "b"] } },
    where: { type: "object", properties: { city: { type: "string" } } },
  },
};

describe("a form from a schema", () => {
  const form = fields(FORM);

  it("gives each field its kind, and JSON to what it has no field for", () => {
    expect(Object.fromEntries(form.map(({ name, kind }) => [name, kind]))).toEqual({
      verdict: "choice",
      score: "number",
      note: "text",
      long: "long",
      sure: "boolean",
      maybe: "number",
      level: "choice",
      tags: "choices",
      where: "json",
    });
    expect(form.find(({ name }) => name === "level")?.options).toEqual(['"junior"', '"senior"']);
    expect(form[0]?.label).toBe("Your verdict");
  });

  it("gives back an answer that was filled in, whatever it is", () => {
    const answers = [
      { verdict: "yes", score: 3, note: "", sure: false, maybe: null },
      {
        verdict: "no",
        score: 0,
        note: "a\nb",
        long: "x",
        sure: true,
        maybe: 1.5,
        level: "senior",
        tags: ["b"],
        where: { city: "Ulm" },
      },
    ];
    for (const answer of answers) expect(answered(form, filled(form, answer))).toEqual({ answer, problems: {} });
  });

  it("says what is missing and what cannot be read, and leaves out what need not be there", () => {
    const { answer, problems } = answered(form, { ...filled(form, null), score: "many", where: "{" });
    expect(problems).toEqual({ verdict: "choose one", score: "this is not a number", where: "this is not JSON" });
    expect(answer).toEqual({ note: "", sure: true, maybe: null });
  });

  it("comes to an end where a schema leads back to itself", () => {
    expect(fields({ properties: { a: { $ref: "#/properties/a" } } })[0]?.kind).toBe("json");
    expect(fields("no schema")).toEqual([]);
  });

  it("knows the quote that a field goes by, where there is one", () => {
    const said = { level: "senior", quote: " ten years " };
    const [field, other] = fields({
      properties: { level: { type: "string", "x-ui": { evidence: "/said/quote" } }, free: { type: "string" } },
    });
    expect(quoteOf(field, { said })).toBe("ten years");
    expect(quoteOf(field, { said: { quote: 7 } })).toBe("");
    expect(quoteOf(field, {})).toBe("");
    expect(quoteOf(other, { said })).toBe("");
    expect(quoteOf(undefined, { said })).toBe("");
  });
});
