import type { ReactElement } from "react";
import { useDocument } from "../api/live";
import { count, micros } from "../parts/format";
import { CountedAt, Facts, Loaded, Rows } from "../parts/shown";

export function Cost({ run }: { run: string }): ReactElement {
  const query = useDocument({
    path: "/api/v1/reports/cost",
    parts: { run, by: "step" },
    watch: { kinds: ["interaction", "run"], run },
  });
  return (
    <Loaded query={query}>
      {({ total, lines, currency, counted_at, loads, load_us, from_cache }) => (
        <>
          <CountedAt at={counted_at} what="all but the loads is" />
          <Facts
            of={[
              ["cost", `${total.cost} ${currency ?? ""}`],
              ["calls of models", count(total.calls)],
              ["failed", count(total.failed)],
              ["tokens in", count(total.tokens_in)],
              ["tokens out", count(total.tokens_out)],
              ["machine time", micros(total.machine_us)],
              ["models loaded", `${count(loads)} times, ${micros(load_us)}`],
              ["answers from the cache", count(from_cache.answers)],
            ]}
          />
          <Rows
            label="cost by step"
            download="cost-by-step"
            rows={lines}
            id={(line) => line.step ?? ""}
            none="No model was asked."
            columns={[
              { name: "step", of: (line) => line.step },
              { name: "calls", of: (line) => count(line.calls), right: true },
              { name: "failed", of: (line) => count(line.failed), right: true },
              { name: "tokens in", of: (line) => count(line.tokens_in), right: true },
              { name: "tokens out", of: (line) => count(line.tokens_out), right: true },
              { name: "cost", of: (line) => line.cost, right: true },
            ]}
          />
        </>
      )}
    </Loaded>
  );
}
