/** What a run has much of, page by page: its records against its steps, its events, its waves. */

import { Group } from "@mantine/core";
import type { ReactElement } from "react";
import type { Documents } from "../api/ask";
import { write } from "../api/json";
import { useDocument } from "../api/live";
import { count } from "../parts/format";
import { ButtonTo, To } from "../parts/link";
import { type Column, Command, InteractionLink, Loaded, RecordLink, Rows, Section, State, When } from "../parts/shown";
import { WaveList } from "./wave-list";

type Of = { run: string; from: string | undefined };

export function Matrix({ run, from }: Of): ReactElement {
  const query = useDocument({
    path: "/api/v1/reports/matrix",
    parts: { run, after: from },
    keep: true,
    watch: { kinds: ["interaction", "record", "task"], run },
  });
  return (
    <Section title="Each record in each step">
      <Loaded query={query}>
        {({ steps, rows, next_after_id }) => (
          <>
            <Rows
              label="records in steps"
              download="records-in-steps"
              rows={rows}
              id={(row) => row.record_id}
              none="No record has come yet."
              columns={[
                { name: "record", of: (row) => <RecordLink record={row.key} run={run} /> },
                { name: "verdict", of: (row) => <State of={row.verdict} /> },
                ...steps.map(
                  (step): Column<Documents["RecordRow"]> => ({
                    name: step,
                    of: ({ key, cells }) => <Cell cell={cells[step]} to={{ run, step, record: key }} />,
                  }),
                ),
              ]}
            />
            <More run={run} tab="records" from={from} next={next_after_id} says="Next records" />
          </>
        )}
      </Loaded>
      <Command>{`wave report matrix ${run}${from ? ` --after ${from}` : ""}`}</Command>
    </Section>
  );
}

type Place = { run: string; step: string; record: string };

function Cell({ cell, to }: { cell: Documents["Cell"] | undefined; to: Place }): ReactElement {
  if (!cell) return <>–</>;
  const states = Object.entries(cell.states);
  const said = states.map(([state, n]) => (
    <State key={state} of={state}>{`${n === 1 ? "" : `${count(n)} `}${state} `}</State>
  ));
  const alone = states.length === 1 && states[0]?.[1] === 1;
  if (alone) return <InteractionLink id={cell.interaction_id} run={to.run} says={said} />;
  return (
    <To to="/interactions" search={to}>
      {said}
    </To>
  );
}

export function Events({ run, from }: Of): ReactElement {
  const query = useDocument({
    path: "/api/v1/reports/events",
    parts: { run, before: from },
    keep: true,
    watch: { kinds: ["*"], run },
  });
  return (
    <>
      <Loaded query={query}>
        {({ rows, next_before_id }) => (
          <>
            <Rows
              label="events"
              download="events"
              rows={rows}
              id={(one) => one.event_id}
              none="Nothing has happened yet."
              columns={[
                { name: "when", of: (one) => <When at={one.recorded_at} /> },
                { name: "what", of: (one) => one.type.replaceAll("_", " ") },
                { name: "step", of: (one) => one.step ?? "" },
                { name: "record", of: (one) => one.key && <RecordLink record={one.key} run={run} /> },
                {
                  name: "interaction",
                  of: (one) => one.interaction_id && <InteractionLink id={one.interaction_id} run={run} />,
                },
                { name: "caused by", of: (one) => one.cause },
                { name: "it says", of: (one) => <span className="cut">{write(one.said)}</span> },
              ]}
            />
            <More run={run} tab="events" from={from} next={next_before_id} says="Older events" />
          </>
        )}
      </Loaded>
      <Command>{`wave report events ${run}${from ? ` --before ${from}` : ""}`}</Command>
    </>
  );
}

export function RunWaves({ run, from }: Of): ReactElement {
  const query = useDocument({
    path: "/api/v1/reports/waves",
    parts: { run, before: from },
    keep: true,
    // A wave is of no run: every one tells.
    watch: { kinds: ["wave", "model"] },
  });
  return (
    <>
      <Loaded query={query}>
        {({ rows, next_before_id }) => (
          <WaveList
            rows={rows}
            none="No wave was opened for it yet."
            more={<More run={run} tab="waves" from={from} next={next_before_id} says="Older waves" />}
          />
        )}
      </Loaded>
      <Command>{`wave report waves ${run}${from ? ` --before ${from}` : ""}`}</Command>
    </>
  );
}

type MoreOf = { run: string; tab: string; from: string | undefined; next: string | null; says: string };

function More({ run, tab, from, next, says }: MoreOf): ReactElement | null {
  if (!from && !next) return null;
  const to = { to: "/runs/$run", params: { run } } as const;
  return (
    <Group my="sm">
      {from && (
        <To {...to} search={{ tab }}>
          to the first page
        </To>
      )}
      {next && (
        <ButtonTo variant="default" {...to} search={{ tab, from: next }}>
          {says}
        </ButtonTo>
      )}
    </Group>
  );
}
