/** The review desk: whether people keep up, whether they agree, and what they change. */

import { NativeSelect, Text } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";
import type { Documents } from "../api/ask";
import { useDocument } from "../api/live";
import { count, counted, duration, percent } from "../parts/format";
import { To } from "../parts/link";
import { type Column, Command, Loaded, Page, Rows, Section, State, When } from "../parts/shown";
import { Views } from "../parts/views";

const RUNS = ["5", "20", "100"];
type Found = Documents["ReportReviewsV1"];

export function Reviews(): ReactElement {
  const { workflow, runs } = useSearch({ strict: false }) as { workflow?: string; runs?: string };
  const navigate = useNavigate();
  const query = useDocument({
    path: "/api/v1/reports/reviews",
    parts: { workflow, runs },
    keep: true,
    watch: { kinds: ["task", "run"] },
    every: 15_000,
  });
  const options = [workflow && `--workflow ${workflow}`, runs && `--runs ${runs}`].filter(Boolean).join(" ");
  return (
    <Page
      title="Reviews"
      actions={
        <>
          <Views page="reviews" filter={{ workflow, runs }} />
          <NativeSelect
            aria-label="in how many of the newest runs"
            value={runs ?? "20"}
            onChange={({ currentTarget: { value } }) =>
              void navigate({ to: "/reviews", search: { workflow, runs: value === "20" ? undefined : value } })
            }
            data={RUNS.map((value) => ({ value, label: `the newest ${value} runs` }))}
          />
        </>
      }
    >
      <Loaded query={query}>
        {(found) => (
          <>
            <Section title="What waits">
              <Rows
                label="queues of people"
                columns={desks}
                rows={found.queues}
                id={({ queue }) => queue}
                none="Nothing waits for people."
              />
            </Section>
            {workflow && (
              <p>
                of {workflow} alone; <To to="/reviews">of all workflows</To>
              </p>
            )}
            <Decided found={found} />
          </>
        )}
      </Loaded>
      <Command>{`wave report reviews ${options}`.trim()}</Command>
    </Page>
  );
}

function Decided({ found }: { found: Found }): ReactElement {
  if (!found.tasks)
    return <Text c="dimmed">{`No task was decided in the newest ${counted(found.of_runs, "run")}.`}</Text>;
  return (
    <>
      <Section title="What was decided">
        <Text size="sm" c="dimmed">
          {`The newest ${counted(found.tasks, "task")}${found.older ? "; older ones were not looked at" : ""}.`}
        </Text>
        <Rows
          label="decisions by step"
          download="decisions-by-step"
          columns={steps}
          rows={found.steps}
          id={(one) => `${one.workflow} ${one.step}`}
          none=""
        />
      </Section>
      <Section title="How far people agree">
        <Rows
          label="agreement by field"
          download="agreement-by-field"
          columns={agreement}
          rows={found.agreement}
          id={(one) => `${one.workflow} ${one.step} ${one.field}`}
          none="No task needed more than one person: needs: 2 at a step asks two."
        />
      </Section>
      <Section title="What people change, by who had proposed it">
        <Rows
          label="changes by actor"
          columns={[{ name: "actor", of: (one) => one.actor }, ...changes]}
          rows={found.actors}
          id={({ actor }) => actor}
          none="No form has a field that is named as what an actor has said."
        />
      </Section>
      <Section title="What people change, by field">
        <Rows
          label="changes by field"
          download="changes-by-field"
          columns={[...place, { name: "proposed by", of: (one) => one.actor ?? "the record" }, ...changes]}
          rows={found.fields}
          id={(one) => [one.workflow, one.step, one.field, one.actor].join(" ")}
          none="No form has a field that is named as something that is shown."
        />
      </Section>
    </>
  );
}

const desks: Column<Documents["Desk"]>[] = [
  {
    name: "queue",
    of: ({ queue }) => (
      <To to="/tasks" search={{ queue }}>
        {queue}
      </To>
    ),
  },
  { name: "open", of: (one) => count(one.tasks), right: true },
  { name: "claimed", of: (one) => count(one.claimed), right: true },
  {
    name: "overdue",
    of: (one) => (one.overdue ? <State of="overdue">{count(one.overdue)}</State> : count(0)),
    right: true,
  },
  { name: "oldest", of: (one) => <When at={one.oldest} /> },
  { name: "decided in the last hour", of: (one) => count(one.lately), right: true },
  { name: "empty in", of: (one) => duration(one.left_s), right: true },
];

type Placed = { workflow: string; step: string };
const ofWorkflow: Column<Placed> = {
  name: "workflow",
  of: ({ workflow }) => (
    <To to="/reviews" search={{ workflow }}>
      {workflow}
    </To>
  ),
};
const ofStep: Column<Placed> = { name: "step", of: ({ step }) => step };
const place: Column<Placed & { field: string }>[] = [ofWorkflow, ofStep, { name: "field", of: ({ field }) => field }];

const steps: Column<Documents["ReviewedStep"]>[] = [
  ofWorkflow,
  ofStep,
  { name: "tasks", of: (one) => count(one.tasks), right: true },
  { name: "decisions", of: (one) => count(one.decisions), right: true },
  { name: "people", of: (one) => count(one.people), right: true },
  { name: "median", of: (one) => duration(one.median_s), right: true },
  {
    name: "within 2 s",
    of: (one) => (2 * one.quick > one.decisions ? <State of="overdue">{count(one.quick)}</State> : count(one.quick)),
    right: true,
  },
  { name: "asked of several", of: (one) => count(one.several), right: true },
  { name: "differed", of: (one) => count(one.differed), right: true },
];

const agreement: Column<Documents["Agreement"]>[] = [
  ...place,
  { name: "tasks", of: (one) => count(one.tasks), right: true },
  { name: "blind", of: (one) => (one.blind ? "yes" : "no: they may have seen each other's") },
  { name: "agree", of: (one) => percent(Math.round(1000 * one.agreement) / 10), right: true },
  { name: "kappa", of: (one) => one.kappa?.toFixed(2) ?? "–", right: true },
];

type Changed = { tasks: number; changed: number; percent: number };
const changes: Column<Changed>[] = [
  { name: "tasks", of: (one) => count(one.tasks), right: true },
  { name: "changed", of: (one) => count(one.changed), right: true },
  { name: "share", of: (one) => percent(one.percent), right: true },
];
