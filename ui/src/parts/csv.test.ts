import { describe, expect, it } from "vitest";
import { csv } from "./csv";

describe("rows as CSV", () => {
  it("have every column that any of them has, and what is nested as JSON", () => {
    expect(
      csv([
        { step: "grade", n: 3 },
        { step: null, parts: [{ a: 1 }] },
      ]),
    ).toBe('step,n,parts\r\ngrade,3,\r\n,,"[{""a"":1}]"\r\n');
  });

  it("are data wherever they are opened", () => {
    const dangers = ["=1+1", "+a", "-a", "@SUM(A1)", "\t=1", 'say "hi", twice\nor not'];
    expect(csv(dangers.map((text) => ({ text })))).toBe(
      'text\r\n\'=1+1\r\n\'+a\r\n\'-a\r\n\'@SUM(A1)\r\n\'\t=1\r\n"say ""hi"", twice\nor not"\r\n',
    );
    expect(csv([{ n: -3, cost: "-0.5", big: 12345678901234567890n }])).toBe(
      "n,cost,big\r\n-3,-0.5,12345678901234567890\r\n",
    );
  });
});
