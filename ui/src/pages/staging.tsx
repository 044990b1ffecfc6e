/** What runs have fetched, batch by batch, and what is said of the rows. */

import { Group } from "@mantine/core";
import type { ReactElement } from "react";
import { type Documents, post } from "../api/ask";
import { useDocument } from "../api/live";
import { Act, type Looked } from "../parts/act";
import { count, counted } from "../parts/format";
import { Command, Loaded, Page, Rows, RunLink, State, When } from "../parts/shown";

type Batch = Documents["Batch"];

export function Staging(): ReactElement {
  const query = useDocument({ path: "/api/v1/staging", watch: { kinds: ["staging", "batch", "records", "run"] } });
  return (
    <Page title="Staging">
      <Loaded query={query}>
        {({ rows }) => (
          <Rows
            label="batches"
            download="staging"
            rows={rows}
            id={(one) => one.run_id}
            none="No run has staged anything. Workflows with select take records from your own tables."
            columns={[
              { name: "batch", of: (one) => <RunLink run={one.run_id} /> },
              { name: "workflow", of: (one) => `${one.workflow} → ${one.collection}` },
              { name: "staged", of: (one) => <When at={one.staged_at} /> },
              { name: "rows", of: (one) => count(one.rows), right: true },
              { name: "wait", of: (one) => count(one.waiting), right: true },
              { name: "promoted", of: (one) => count(one.promoted), right: true },
              { name: "updated", of: (one) => count(one.updated), right: true },
              { name: "unchanged", of: (one) => count(one.unchanged), right: true },
              { name: "rejected", of: (one) => count(one.rejected), right: true },
              {
                name: "vanished",
                of: (one) =>
                  one.whole ? (
                    <>
                      <State of={one.whole}>{one.whole}</State> {count(one.vanished)} of {count(one.known)}
                    </>
                  ) : (
                    "–"
                  ),
              },
              { name: "order", of: (one) => <Say batch={one} /> },
            ]}
          />
        )}
      </Loaded>
      <Command>wave staging list</Command>
    </Page>
  );
}

function Say({ batch }: { batch: Batch }): ReactElement {
  const id = batch.run_id;
  return (
    <Group gap={4} wrap="nowrap">
      {batch.whole === "held" && (
        <>
          <Judge batch={batch} how="approve" />
          <Judge batch={batch} how="refuse" />
        </>
      )}
      {batch.waiting > 0 && (
        <Act
          label="Reject"
          title={`Reject what waits in batch ${id}`}
          needs="operate"
          reason
          command={`wave staging reject ${id} --where state:waiting`}
          look={() => lookAtReject(id)}
        />
      )}
      {batch.rejected > 0 && (
        <Act
          label="Validate again"
          title={`Validate the rejected rows of batch ${id} again`}
          needs="operate"
          reason
          command={`wave staging revalidate ${id} --where state:rejected`}
          look={() => lookAtRevalidate(id)}
        />
      )}
    </Group>
  );
}

function Judge({ batch, how }: { batch: Batch; how: "approve" | "refuse" }): ReactElement {
  const id = batch.run_id;
  const gone = batch.vanished ?? 0;
  return (
    <Act
      label={how === "approve" ? "Approve" : "Refuse"}
      title={how === "approve" ? `Believe batch ${id}` : `Do not believe batch ${id}`}
      needs="operate"
      reason
      command={`wave staging ${how} ${id}`}
      look={async () => ({
        says:
          how === "approve"
            ? `${counted(gone, "record")} that the batch has not would be marked as vanished.`
            : `${counted(gone, "record")} that the batch has not would stay as they are.`,
        total: gone,
        act: async ({ reason, key }) => {
          const { records } = await post(
            `/api/v1/staging/{batch}/${how}`,
            { reason, expect: gone },
            { parts: { batch: id }, key },
          );
          return how === "approve" ? `${counted(records, "record")} marked as vanished` : `Batch ${id} is refused`;
        },
      })}
    />
  );
}

async function lookAtReject(id: string): Promise<Looked> {
  const where = "state:waiting";
  const { rows, mark } = await post("/api/v1/staging/{batch}/reject/preview", { where }, { parts: { batch: id } });
  return {
    says: `${counted(rows, "row")} would be rejected.`,
    total: rows,
    act: async ({ reason, key }) => {
      const { rejected } = await post(
        "/api/v1/staging/{batch}/reject",
        { where, reason, mark },
        { parts: { batch: id }, key },
      );
      return `${counted(rejected ?? 0, "row")} rejected`;
    },
  };
}

async function lookAtRevalidate(id: string): Promise<Looked> {
  const where = "state:rejected";
  const { rows, mark } = await post("/api/v1/staging/{batch}/revalidate/preview", { where }, { parts: { batch: id } });
  return {
    says: `${counted(rows, "rejected row")} would be validated once more, as a batch of a run of its own.`,
    total: rows,
    act: async ({ reason, key }) => {
      const { run } = await post(
        "/api/v1/staging/{batch}/revalidate",
        { where, reason, mark, step: null },
        { parts: { batch: id }, key },
      );
      return `They are batch ${run}`;
    },
  };
}
