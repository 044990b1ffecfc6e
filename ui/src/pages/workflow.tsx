/** A workflow as its runs have pinned it: its versions, and what differs between two of them. */

import { Text } from "@mantine/core";
import { useParams, useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";
import type { Documents } from "../api/ask";
import { write } from "../api/json";
import { useDocument } from "../api/live";
import { To } from "../parts/link";
import { Command, Json, Loaded, Page, Rows, RunLink, Section, State, When } from "../parts/shown";

type Search = { a?: string; b?: string };
type Found = Documents["WorkflowDiffV1"];
type Line = { step: string; what: string; field: string; a?: unknown; b?: unknown };

const short = (hash: string): string => hash.slice(0, 12);

export function Workflow(): ReactElement {
  const { workflow } = useParams({ strict: false }) as { workflow: string };
  const search = useSearch({ strict: false }) as Search;
  const query = useDocument({ path: "/api/v1/workflow/versions", parts: { workflow }, watch: { kinds: ["run"] } });
  return (
    <Page title={`Workflow ${workflow}`}>
      <Loaded query={query}>
        {({ rows }) => (
          <>
            <Section title="Versions">
              <Rows
                label="versions"
                rows={rows}
                id={(one) => one.version}
                none="No run has used it yet."
                columns={[
                  { name: "version", of: (one) => short(one.version) },
                  { name: "runs", of: (one) => one.runs, right: true },
                  { name: "first", of: (one) => <RunLink run={one.first_run_id} /> },
                  { name: "last", of: (one) => <RunLink run={one.last_run_id} /> },
                  { name: "since", of: (one) => <When at={one.first_at} /> },
                  {
                    name: "beside the newest",
                    of: (one) => <Since workflow={workflow} of={one.version} newest={rows[0]?.version} />,
                  },
                ]}
              />
            </Section>
            {rows.length > 1 ? (
              <Changed workflow={workflow} {...search} />
            ) : (
              <Text c="dimmed">All its runs were of one version: there is nothing to compare.</Text>
            )}
          </>
        )}
      </Loaded>
      <Command>{`wave workflow versions ${workflow}`}</Command>
    </Page>
  );
}

function Since({ workflow, of, newest }: { workflow: string; of: string; newest?: string }): ReactElement {
  if (of === newest) return <>is the newest</>;
  return (
    <To to="/workflows/$workflow" params={{ workflow }} search={{ a: of, b: newest }}>
      {`what has changed since ${short(of)}`}
    </To>
  );
}

function Changed({ workflow, a, b }: Search & { workflow: string }): ReactElement {
  const query = useDocument({ path: "/api/v1/workflow/diff", parts: { workflow, a, b }, watch: { kinds: ["run"] } });
  return (
    <Loaded query={query}>
      {(found) => (
        <Section title={`What has changed from ${short(found.a.version)} to ${short(found.b.version)}`}>
          <Rows
            label="what has changed"
            rows={lines(found)}
            id={(one) => `${one.step} ${one.field}`}
            none="Nothing: these are one version."
            columns={[
              { name: "step", of: (one) => one.step || "all of them" },
              { name: "what", of: (one) => (one.what === "changed" ? one.field : <State of={one.what} />) },
              { name: "before", of: (one) => said(one.field, one.a) },
              { name: "after", of: (one) => said(one.field, one.b) },
            ]}
          />
          {found.texts && <Json value={found.texts} label="texts that have changed" />}
          <Command>{`wave workflow diff ${workflow} ${short(found.a.version)} ${short(found.b.version)}`}</Command>
        </Section>
      )}
    </Loaded>
  );
}

function lines(found: Found): Line[] {
  const shared = found.shared.map((one): Line => ({ step: "", what: "changed", ...one }));
  const steps = found.steps.flatMap(({ step, what, fields }): Line[] =>
    what === "changed" ? fields.map((one) => ({ step, what, ...one })) : [{ step, what, field: "" }],
  );
  return [...shared, ...steps];
}

function said(field: string, value: unknown): string {
  if (value === undefined || value === null) return "–";
  const text = typeof value === "string" ? value : write(value);
  return field.endsWith("sha256") ? short(text) : text;
}
