/** Actors and workflows: what is approved, what the folder and the servers hold, and a person's word on it. */

import type { ReactElement } from "react";
import { post } from "../api/ask";
import { useDocument } from "../api/live";
import { Act } from "../parts/act";
import { count, micros, percent } from "../parts/format";
import { To } from "../parts/link";
import { Command, Json, Loaded, Page, Rows, Section, State } from "../parts/shown";

type Row = {
  actor: string;
  kind: string;
  state: string;
  policy: string;
  approved: string;
  found: string;
  by: string | null;
  weights: string | null;
  weights_found: string | null;
  diff: string;
};

export function Actors(): ReactElement {
  const query = useDocument({
    path: "/api/v1/actors",
    parts: { diff: true },
    watch: { kinds: ["actor", "workflow"] },
    every: 15_000,
  });
  const work = useDocument({ path: "/api/v1/reports/actors", watch: { kinds: ["interaction", "run"] } });
  return (
    <Page title="Actors">
      <Loaded query={query}>
        {({ rows }) => (
          <Rows
            label="actors and workflows"
            rows={rows as Row[]}
            id={(row) => `${row.kind} ${row.actor}`}
            none="There is none yet."
            columns={[
              { name: "name", of: (row) => <Named row={row} /> },
              { name: "kind", of: (row) => row.kind },
              { name: "state", of: (row) => <State of={row.state} /> },
              { name: "when it drifts", of: (row) => row.policy },
              { name: "approved", of: (row) => row.approved.slice(0, 12) || "–" },
              { name: "in the folder", of: (row) => row.found.slice(0, 12) || "–" },
              { name: "by", of: (row) => row.by ?? "–" },
              { name: "order", of: (row) => <Approve row={row} /> },
            ]}
          />
        )}
      </Loaded>
      <Command>wave actors list</Command>
      <Section title="What they have done in the newest run">
        <Loaded query={work}>
          {({ actors }) => (
            <Rows
              label="work of actors"
              download="work-of-actors"
              rows={actors}
              id={(one) => one.actor}
              none="Nobody has done anything yet."
              columns={[
                { name: "actor", of: (one) => one.actor },
                { name: "executions", of: (one) => count(one.executions), right: true },
                { name: "broken", of: (one) => count(one.broken), right: true },
                { name: "success", of: (one) => percent(one.success_percent), right: true },
                { name: "average", of: (one) => micros(one.average_us), right: true },
                { name: "longest", of: (one) => micros(one.max_us), right: true },
              ]}
            />
          )}
        </Loaded>
      </Section>
    </Page>
  );
}

function Named({ row }: { row: Row }): ReactElement {
  if (row.kind !== "workflow") return <>{row.actor}</>;
  return (
    <To to="/workflows/$workflow" params={{ workflow: row.actor }}>
      {row.actor}
    </To>
  );
}

function Approve({ row }: { row: Row }): ReactElement | null {
  if (row.state !== "drifted" || !row.found) return null;
  const workflow = row.kind === "workflow";
  const command = `wave actors approve${workflow ? " --workflow" : ""} ${row.actor}`;
  return (
    <Act
      label="Approve"
      title={`Approve ${row.actor}`}
      needs="review"
      command={command}
      look={async () => ({
        says: (
          <>
            <p>This is what has changed since it was approved; exactly this becomes what is approved, for new runs.</p>
            <Json value={row.diff || "no text of it: see wave actors list --diff"} label="what has changed" />
            {row.weights_found && (
              <p>
                Its weights, too: {row.weights_found} in place of {row.weights}.
              </p>
            )}
          </>
        ),
        total: null,
        act: async ({ key }) => {
          const { changed } = await post(
            "/api/v1/actors/approve",
            { name: row.actor, workflow, sha256: row.found, weights: row.weights_found },
            { key },
          );
          return changed ? `${row.actor} is approved` : `${row.actor} was approved already`;
        },
      })}
    />
  );
}
