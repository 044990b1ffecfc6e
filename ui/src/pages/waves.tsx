/** What model servers have in hand, and the last waves: is the machine busy with the right model, and why this one? */

import { useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { useDocument } from "../api/live";
import { ButtonTo, To } from "../parts/link";
import { Command, Loaded, Page, Rows, Section } from "../parts/shown";
import { laneColumns, WaveList } from "./wave-list";

export function Waves(): ReactElement {
  const { before } = useSearch({ strict: false }) as { before?: string };
  const query = useDocument({
    path: "/api/v1/reports/waves",
    parts: { before },
    keep: true,
    watch: { kinds: ["wave", "model", "breaker"] },
    every: 5000,
  });
  return (
    <Page title="Waves">
      <Loaded query={query}>
        {({ lanes, rows, next_before_id }) => (
          <>
            <Section title="Model servers now">
              <Rows
                label="model servers"
                columns={laneColumns}
                rows={lanes}
                id={(lane) => `${lane.server} ${lane.slot} ${lane.wave_id}`}
                none="No work was for a model server yet."
              />
              <To to="/runners">why work waits, and what each model takes</To>
            </Section>
            <Section title={before ? `Waves before ${before}` : "The last waves"}>
              <WaveList
                rows={rows}
                none="No wave was opened yet. A runner opens one when work waits: wave runner"
                more={
                  (before || next_before_id) && (
                    <>
                      {before && <To to="/waves">the last waves</To>}
                      {next_before_id && (
                        <ButtonTo variant="default" to="/waves" search={{ before: next_before_id }}>
                          Older waves
                        </ButtonTo>
                      )}
                    </>
                  )
                }
              />
            </Section>
          </>
        )}
      </Loaded>
      <Command>{`wave report waves${before ? ` --before ${before}` : ""}`}</Command>
    </Page>
  );
}
