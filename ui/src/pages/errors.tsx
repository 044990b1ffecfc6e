/** What goes wrong again and again: the failures of the newest runs, by their cause. */

import { NativeSelect } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";
import type { Documents } from "../api/ask";
import { useDocument } from "../api/live";
import { count } from "../parts/format";
import { To } from "../parts/link";
import {
  type Column,
  Command,
  CountedAt,
  InteractionLink,
  Loaded,
  Page,
  Rows,
  RunLink,
  State,
  When,
} from "../parts/shown";
import { Views } from "../parts/views";
import { interactionsLike } from "./asked";
import { RetryOf } from "./orders";

const RUNS = ["5", "20", "100"];

export function Errors(): ReactElement {
  const { workflow, runs } = useSearch({ strict: false }) as { workflow?: string; runs?: string };
  const navigate = useNavigate();
  const query = useDocument({
    path: "/api/v1/reports/failures",
    parts: { workflow, runs },
    keep: true,
    watch: { kinds: ["interaction", "run"] },
  });
  const options = [workflow && `--workflow ${workflow}`, runs && `--runs ${runs}`].filter(Boolean).join(" ");
  return (
    <Page
      title="Errors"
      actions={
        <>
          <Views page="errors" filter={{ workflow, runs }} />
          <NativeSelect
            aria-label="in how many of the newest runs"
            value={runs ?? "20"}
            onChange={({ currentTarget: { value } }) =>
              void navigate({ to: "/errors", search: { workflow, runs: value === "20" ? undefined : value } })
            }
            data={RUNS.map((value) => ({ value, label: `the newest ${value} runs` }))}
          />
        </>
      }
    >
      <Loaded query={query}>
        {({ rows, of_runs, counted_at }) => (
          <>
            <CountedAt at={counted_at} what="what is wrong in those where it is much is" />
            {workflow && (
              <p>
                of {workflow} alone; <To to="/errors">of all workflows</To>
              </p>
            )}
            <Rows
              label="errors by cause"
              download="errors-by-cause"
              columns={columns}
              rows={rows}
              id={(one) => [one.workflow, one.step, one.actor, one.state, one.error_class, one.rule].join(" ")}
              none={`Nothing has failed in the newest ${count(of_runs)} runs.`}
            />
          </>
        )}
      </Loaded>
      <Command>{`wave report failures ${options}`.trim()}</Command>
    </Page>
  );
}

const columns: Column<Documents["Failure"]>[] = [
  {
    name: "workflow",
    of: (one) => (
      <To to="/errors" search={{ workflow: one.workflow }}>
        {one.workflow}
      </To>
    ),
  },
  { name: "step", of: (one) => one.step },
  { name: "state", of: (one) => <State of={one.state} /> },
  { name: "error", of: (one) => <strong>{one.rule ?? one.error_class ?? "–"}</strong> },
  { name: "interactions", of: (one) => count(one.n), right: true },
  { name: "records", of: (one) => (one.records === null ? "many" : count(one.records)), right: true },
  { name: "runs", of: (one) => count(one.runs), right: true },
  { name: "first in", of: (one) => <RunLink run={one.first_run_id} /> },
  {
    name: "last in",
    of: (one) => (
      <>
        <RunLink run={one.last_run_id} /> (
        <To to="/interactions" search={interactionsLike(one.last_run_id, one)}>
          those
        </To>
        )
      </>
    ),
  },
  { name: "newest", of: (one) => <When at={one.newest} /> },
  {
    name: "for example",
    of: (one) => (
      <InteractionLink
        id={one.interaction_id}
        run={one.last_run_id}
        says={<span className="cut">{one.error ?? `interaction ${one.interaction_id}`}</span>}
      />
    ),
  },
  { name: "order", of: (one) => <RetryOf subject="workflow" name={one.workflow} cause={one} /> },
];
