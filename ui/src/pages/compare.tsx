/** Two runs of one workflow, record by record: those that differ first. */

import { Button, Group, Text, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, type ReactElement, useEffect, useState } from "react";
import type { Documents } from "../api/ask";
import { write } from "../api/json";
import { useDocument } from "../api/live";
import { count, micros, percent } from "../parts/format";
import { Bar, Command, Facts, Loaded, Page, RecordLink, Rows, Section, State } from "../parts/shown";

type Search = { a?: string; b?: string; step?: string };
const FIELDS = [
  ["a", "Run A"],
  ["b", "Run B"],
  ["step", "Step"],
] as const;
const DIFFERS: Record<string, string> = {
  equal: "completed",
  differs: "failed",
  only_a: "waiting",
  only_b: "waiting",
  neither: "cancelled",
};

export function Compare(): ReactElement {
  const search = useSearch({ strict: false }) as Search;
  const { a, b } = search;
  return (
    <Page title={a && b ? `Runs ${a} and ${b}` : "Compare"}>
      <Ask given={search} />
      {a && b ? <Compared {...search} a={a} b={b} /> : <Text c="dimmed">Name two runs of one workflow.</Text>}
    </Page>
  );
}

function Ask({ given }: { given: Search }): ReactElement {
  const navigate = useNavigate();
  const [typed, setTyped] = useState(given);
  const { a, b, step } = given;
  useEffect(() => setTyped({ a, b, step } as Search), [a, b, step]);
  const ask = (event: FormEvent) => {
    event.preventDefault();
    const search = Object.fromEntries(FIELDS.map(([name]) => [name, typed[name]?.trim() || undefined]));
    void navigate({ to: "/compare", search });
  };
  return (
    <Group component="form" align="end" onSubmit={ask}>
      {FIELDS.map(([name, label]) => (
        <TextInput
          key={name}
          label={label}
          placeholder={name === "step" ? "any" : ""}
          required={name !== "step"}
          w={name === "step" ? 200 : 110}
          value={typed[name] ?? ""}
          onChange={({ currentTarget: { value } }) => setTyped({ ...typed, [name]: value })}
        />
      ))}
      <Button type="submit">Compare</Button>
    </Group>
  );
}

function Compared({ a, b, step }: Search & { a: string; b: string }): ReactElement {
  const query = useDocument({ path: "/api/v1/compare", parts: { a, b, step }, watch: { kinds: ["run"] } });
  return (
    <>
      <Loaded query={query}>
        {(found) => (
          <>
            <Section title="How far they agree">
              <Bar
                of={found.equal + found.differs}
                parts={[
                  [found.equal, "good"],
                  [found.differs, "bad"],
                ]}
                label="results that both have"
              />
              <Facts
                of={[
                  ["agree", found.agreement === null ? "–" : percent(100 * found.agreement)],
                  ["equal", count(found.equal)],
                  ["different", count(found.differs)],
                  [`only ${found.a}`, count(found.only_a)],
                  [`only ${found.b}`, count(found.only_b)],
                  ["neither has a result", count(found.neither)],
                ]}
              />
            </Section>
            <Section title="What they took">
              <Rows
                label="what they took"
                rows={[found.a_took, found.b_took].map((took, place) => ({ took, run: place ? found.b : found.a }))}
                id={({ run }) => run}
                none=""
                columns={[
                  { name: "run", of: ({ run }) => run },
                  { name: "results", of: ({ took }) => count(took.results), right: true },
                  { name: "completed", of: ({ took }) => count(took.completed), right: true },
                  { name: "broken", of: ({ took }) => brokenOf(took) },
                  { name: "median", of: ({ took }) => micros(took.median_us), right: true },
                  { name: "tokens", of: ({ took }) => count(took.tokens), right: true },
                ]}
              />
            </Section>
            <Fields fields={found.fields} />
            <Section title="Record by record">
              <Pairs found={found} />
            </Section>
          </>
        )}
      </Loaded>
      <Command>{`wave compare ${a} ${b}${step ? ` --step ${step}` : ""}`}</Command>
    </>
  );
}

const brokenOf = ({ broken }: Documents["Took"]): string =>
  Object.entries(broken)
    .map(([rule, n]) => `${count(n)} ${rule}`)
    .join(", ") || "none";

function Fields({ fields }: { fields: Documents["FieldShare"][] }): ReactElement {
  return (
    <Section title="Field by field">
      <Rows
        label="fields"
        rows={fields}
        id={(one) => one.field}
        none="No field is on both sides."
        columns={[
          { name: "field", of: (one) => one.field },
          { name: "equal", of: (one) => count(one.equal), right: true },
          { name: "different", of: (one) => count(one.differs), right: true },
          { name: "only A", of: (one) => count(one.only_a), right: true },
          { name: "only B", of: (one) => count(one.only_b), right: true },
        ]}
      />
    </Section>
  );
}

function Pairs({ found }: { found: Documents["CompareV1"] }): ReactElement {
  const runs = [found.a, found.b].map((name) => name.replace("run ", ""));
  return (
    <>
      {found.pairs.length < found.total_pairs && (
        <Text size="sm" c="dimmed">
          The first {count(found.pairs.length)} of {count(found.total_pairs)}; the command shows all.
        </Text>
      )}
      <Rows
        label="pairs"
        download="pairs"
        rows={found.pairs}
        id={(pair) => [pair.record, pair.step, pair.item, pair.iteration].join(" ")}
        none="They have no record in common."
        columns={[
          { name: "record", of: (pair) => <RecordLink record={pair.record} run={runs[pair.a ? 0 : 1]} /> },
          { name: "step", of: (pair) => pair.step },
          {
            name: "likeness",
            of: (pair) => <State of={DIFFERS[pair.likeness] ?? ""}>{pair.likeness.replace("_", " ")}</State>,
          },
          { name: "A", of: (pair) => <Result of={pair} side="a" /> },
          { name: "B", of: (pair) => <Result of={pair} side="b" /> },
        ]}
      />
    </>
  );
}

/** What a side has where they differ; where it has no result, why. */
function Result({ of, side }: { of: Documents["ComparedPair"]; side: "a" | "b" }): ReactElement {
  const mine = of[side];
  if (!mine) return <>not there</>;
  if (mine.output === null) return <State of={mine.state}>{mine.rule ?? mine.state}</State>;
  if (of.likeness === "equal") return <>the same</>;
  if (!of.differing.length) return <span className="cut">{write(mine.output)}</span>;
  return (
    <>
      {of.differing.map((one) => (
        <div key={one.field} className="key">
          <strong>{one.field}</strong> {write(one[side])}
        </div>
      ))}
    </>
  );
}
