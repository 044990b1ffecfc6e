import type { ReactElement } from "react";
import { useDocument } from "../api/live";
import { count } from "../parts/format";
import { CountedAt, Loaded, Rows, Section } from "../parts/shown";

export function Delta({ run }: { run: string }): ReactElement {
  const query = useDocument({
    path: "/api/v1/reports/delta",
    parts: { run },
    watch: { kinds: ["values", "run"], run },
  });
  return (
    <Loaded query={query}>
      {({ targets, savers, counted_at }) => (
        <>
          <CountedAt at={counted_at} what="what it has written, executed and saved is" />
          <Section title="Columns">
            <Rows
              label="columns"
              rows={targets}
              id={(one) => `${one.table}.${one.column}`}
              none="It writes to no column."
              columns={[
                { name: "column", of: (one) => `${one.table}.${one.column}` },
                { name: "filled before", of: (one) => count(one.before), right: true },
                { name: "after", of: (one) => count(one.after), right: true },
                { name: "change", of: (one) => count(one.change), right: true },
                { name: "written", of: (one) => count(one.written), right: true },
              ]}
            />
          </Section>
          <Section title="Executed against saved">
            <Rows
              label="steps that save"
              rows={savers}
              id={(one) => one.step}
              none="No step saves."
              columns={[
                { name: "step", of: (one) => one.step },
                { name: "executed", of: (one) => count(one.executed), right: true },
                { name: "saved", of: (one) => count(one.saved), right: true },
              ]}
            />
          </Section>
        </>
      )}
    </Loaded>
  );
}
