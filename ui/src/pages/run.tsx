/** One run: how it stands, step by step, and the orders that can be given about it. */

import { Tabs, Text } from "@mantine/core";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";
import type { Documents } from "../api/ask";
import { useDocument } from "../api/live";
import { count, counted, duration, micros, percent } from "../parts/format";
import { To } from "../parts/link";
import { Pace } from "../parts/pace";
import { Bar, Command, Facts, Json, Loaded, Page, RecordLink, Rows, Section, State, When } from "../parts/shown";
import { interactionsLike } from "./asked";
import { Cost } from "./cost";
import { Delta } from "./delta";
import { Graph } from "./graph";
import { Orders, Resume, RetryOf } from "./orders";
import { Events, Matrix, RunWaves } from "./run-lists";

export type Status = Documents["StatusV1"];

export function Run(): ReactElement {
  const { run = "" } = useParams({ strict: false }) as { run?: string };
  const { tab = "steps", from } = useSearch({ strict: false }) as { tab?: string; from?: string };
  const navigate = useNavigate();
  const query = useDocument({
    path: "/api/v1/runs/{run_id}",
    parts: { run_id: run },
    watch: { kinds: ["*"], run },
    every: 15_000,
  });
  const status = query.data;
  const open = (name: string | null) =>
    void navigate({
      to: "/runs/$run",
      params: { run },
      search: name === "steps" || name === null ? {} : { tab: name },
      replace: true,
    });
  return (
    <Page
      title={status ? `Run ${run} of ${status.run.workflow}: ${status.run.state}` : `Run ${run}`}
      actions={status && <Orders status={status} />}
    >
      <Loaded query={query}>
        {(found) => (
          <>
            <Summary status={found} />
            <Tabs value={tab} onChange={open} keepMounted={false}>
              <Tabs.List>
                <Tabs.Tab value="steps">Steps</Tabs.Tab>
                <Tabs.Tab value="waves">Waves</Tabs.Tab>
                <Tabs.Tab value="errors">{`Errors (${count(found.errors.patterns.reduce((sum, one) => sum + one.n, 0))})`}</Tabs.Tab>
                <Tabs.Tab value="records">Records</Tabs.Tab>
                <Tabs.Tab value="actors">Actors</Tabs.Tab>
                <Tabs.Tab value="cost">Cost</Tabs.Tab>
                <Tabs.Tab value="changed">What it changed</Tabs.Tab>
                <Tabs.Tab value="events">Events</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="steps" pt="md">
                <Graph run={run} steps={found.steps} />
                <Steps status={found} />
              </Tabs.Panel>
              <Tabs.Panel value="waves" pt="md">
                <RunWaves run={run} from={from} />
              </Tabs.Panel>
              <Tabs.Panel value="errors" pt="md">
                <Errors status={found} />
              </Tabs.Panel>
              <Tabs.Panel value="records" pt="md">
                <Records status={found} />
                <Matrix run={run} from={from} />
              </Tabs.Panel>
              <Tabs.Panel value="actors" pt="md">
                <Actors status={found} />
              </Tabs.Panel>
              <Tabs.Panel value="cost" pt="md">
                <Cost run={run} />
              </Tabs.Panel>
              <Tabs.Panel value="changed" pt="md">
                <Delta run={run} />
              </Tabs.Panel>
              <Tabs.Panel value="events" pt="md">
                <Events run={run} from={from} />
              </Tabs.Panel>
            </Tabs>
            <Command>{`wave status --run ${run}`}</Command>
            <To to="/compare" search={{ b: run }}>
              compare it with another run
            </To>
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** What is said of a number that is of the moment at which the run was counted, and not of now. */
const then = (status: Status): string => (status.counted_at ? ", as counted" : "");

function Summary({ status }: { status: Status }): ReactElement {
  const { run, records, interactions, throughput, limits } = status;
  return (
    <Section title="How it stands">
      <Bar
        of={records.total}
        parts={[
          [records.completed, "good"],
          [records.incomplete, "bad"],
        ]}
        label={`records that have their verdict${then(status)}`}
      />
      <Facts
        of={[
          ["state", <State key="s" of={run.state} />],
          [`records completed${then(status)}`, `${count(records.completed)} of ${count(records.total)}`],
          [`incomplete${then(status)}`, count(records.incomplete)],
          ["interactions", count(interactions.total)],
          [`per minute${then(status)}`, count(Math.round(throughput.per_minute))],
          [
            "started",
            <>
              <When key="w" at={run.started_at} /> by {run.started_by}
            </>,
          ],
          [run.ended_at ? "took" : "so far", duration(run.seconds)],
          ["models loaded", `${count(status.model_loads)} times, ${micros(status.model_load_us)}`],
          [`answers from the cache${then(status)}`, count(status.from_cache.answers)],
          ...(run.kind === "run" ? [] : [["kind", run.kind] as [string, string]]),
          ...limits.map(({ name, used, most }): [string, string] => [
            `${name.replaceAll("_", " ")}${name.endsWith("_per_record") ? then(status) : ""}`,
            `${count(used)} of ${count(most)}`,
          ]),
        ]}
      />
      <Pace of={throughput} />
      {status.counted_at && (
        <Text mt="sm">
          A large run is counted from time to time, this one <When at={status.counted_at} />. Of then are its records
          and staged rows, actors, pace, the retries and times of steps, and what one record has used; everything else
          is of now.
        </Text>
      )}
      {run.reason && (
        <Text mt="sm">
          <State of="failed">why:</State> {run.reason}
        </Text>
      )}
      {run.broken.map((one) => (
        <Text key={one} mt="sm">
          <State of="failed">does not hold:</State> {one}
        </Text>
      ))}
      {run.paused_by && (
        <Text mt="sm">
          <State of="paused">paused by {run.paused_by}</State> <Resume run={run.run_id} />
        </Text>
      )}
      {status.alerts.map((one) => (
        <Text key={one.kind + one.subject} mt="sm">
          <State of="failed">{one.kind.replaceAll("_", " ")}:</State> {one.message}
        </Text>
      ))}
      {status.people.map((one) => (
        <Text key={one.queue} mt="sm">
          <State of="waiting">
            {counted(one.tasks, "task")} in {one.queue}
          </State>
          , {count(one.claimed)} claimed, {count(one.overdue)} overdue
        </Text>
      ))}
      {status.dropped && (
        <Text mt="sm">
          Its history was dropped <When at={status.dropped.dropped_at} />: its counts and verdicts are all that is
          known.
        </Text>
      )}
    </Section>
  );
}

const broken = (step: Documents["Step"]): number => (step.states.failed ?? 0) + (step.states.quarantined ?? 0);

function Steps({ status }: { status: Status }): ReactElement {
  return (
    <Rows
      label="steps"
      download="steps"
      rows={status.steps}
      id={(step) => step.step}
      none="No step has begun."
      columns={[
        { name: "step", of: (step) => step.step },
        { name: "actor", of: (step) => `${step.actor} (${step.kind})` },
        {
          name: "finished",
          of: (step) => (
            <Bar
              of={step.total}
              parts={[
                [step.states.completed ?? 0, "good"],
                [broken(step), "bad"],
              ]}
              label={`${step.step}: ${count(step.finished)} of ${count(step.total)} finished`}
            />
          ),
        },
        { name: "of", of: (step) => `${count(step.finished)} / ${count(step.total)}`, right: true },
        {
          name: "states",
          of: (step) =>
            Object.entries(step.states).map(([name, n]) => (
              <span key={name}>
                <To
                  to="/interactions"
                  search={{ run: status.run.run_id, step: step.step, state: name }}
                  className="target"
                >
                  <State of={name}>{`${count(n)} ${name}`}</State>
                </To>{" "}
              </span>
            )),
        },
        { name: "success", of: (step) => percent(step.success_percent), right: true },
        { name: `retries${then(status)}`, of: (step) => count(step.retries), right: true },
        { name: `median${then(status)}`, of: (step) => micros(step.median_us), right: true },
        { name: `average${then(status)}`, of: (step) => micros(step.average_us), right: true },
      ]}
    />
  );
}

function Errors({ status }: { status: Status }): ReactElement {
  const { patterns, recent, counted_at } = status.errors;
  const { run_id } = status.run;
  const when = counted_at ? ", as counted" : "";
  return (
    <>
      <Section title={`By their cause${when}`}>
        <Rows
          label="errors by cause"
          rows={patterns}
          id={(one) => [one.step, one.actor, one.state, one.error_class, one.rule].join(" ")}
          none="Nothing has failed."
          columns={[
            { name: "step", of: (one) => one.step },
            { name: "state", of: (one) => <State of={one.state} /> },
            { name: "error", of: (one) => one.rule ?? one.error_class ?? "–" },
            {
              name: "interactions",
              right: true,
              of: (one) => (
                <To to="/interactions" search={interactionsLike(run_id, one)}>
                  {count(one.n)}
                </To>
              ),
            },
            { name: "records", of: (one) => count(one.records), right: true },
            { name: "retries", of: (one) => count(one.retries), right: true },
            { name: "newest", of: (one) => <When at={one.newest} /> },
            { name: "order", of: (one) => <RetryOf subject="run" name={run_id} cause={one} /> },
          ]}
        />
      </Section>
      <Section title={`The newest${when}`}>
        {recent.map((one) => (
          <details key={`${one.interaction_id} ${one.attempt}`}>
            <summary>
              {one.step}, attempt {one.attempt}, <State of={one.state} />:{" "}
              {one.error ?? one.error_class ?? "no message"}
            </summary>
            <Text size="sm">
              <RecordLink record={one.key} run={run_id} /> by {one.actor}, <When at={one.finished_at} />
            </Text>
            {one.traceback && <Json value={one.traceback} label="traceback" />}
          </details>
        ))}
        {!recent.length && <Text c="dimmed">None.</Text>}
      </Section>
      {status.stale.total > 0 && (
        <Section title="Runs for longer than usual">
          <Rows
            label="stale interactions"
            rows={status.stale.oldest}
            id={(one) => one.interaction_id}
            none="Nothing."
            columns={[
              { name: "record", of: (one) => <RecordLink record={one.key} run={run_id} /> },
              { name: "step", of: (one) => one.step },
              { name: "for", of: (one) => duration(one.running_s), right: true },
              { name: "usual", of: (one) => duration(one.threshold_s), right: true },
              { name: "where", of: (one) => `${one.host}, process ${one.pid}` },
              { name: "why", of: (one) => one.reason },
            ]}
          />
        </Section>
      )}
    </>
  );
}

function Records({ status }: { status: Status }): ReactElement {
  const { records, incomplete, rejections, staging, run } = status;
  return (
    <>
      <Facts
        of={[
          [`total${then(status)}`, count(records.total)],
          [`under way${then(status)}`, count(records.live)],
          [`wait for their verdict${then(status)}`, count(records.ended)],
          [`completed${then(status)}`, count(records.completed)],
          [`incomplete${then(status)}`, count(records.incomplete)],
          [`rows staged${then(status)}`, count(staging.total)],
          [`promoted${then(status)}`, count(staging.promoted)],
          [`rejected${then(status)}`, count(staging.rejected)],
        ]}
      />
      <Section title="Why records are incomplete">
        <Rows
          label="reasons"
          rows={incomplete.reasons}
          id={(one) => one.reason}
          none="No record is incomplete."
          columns={[
            { name: "reason", of: (one) => one.reason },
            { name: "records", of: (one) => count(one.records), right: true },
            { name: "for example", of: (one) => <RecordLink record={one.example} run={run.run_id} /> },
          ]}
        />
      </Section>
      <Section title="Why rows were rejected">
        <Rows
          label="rejections"
          rows={rejections}
          id={(one) => `${one.rule} ${one.field}`}
          none="No row was rejected."
          columns={[
            { name: "rule", of: (one) => one.rule },
            { name: "field", of: (one) => one.field },
            { name: "rows", of: (one) => count(one.staged_rows), right: true },
            { name: "says", of: (one) => one.message ?? "" },
          ]}
        />
      </Section>
    </>
  );
}

function Actors({ status }: { status: Status }): ReactElement {
  return (
    <Rows
      label="actors"
      rows={status.actors}
      id={(one) => one.actor}
      none="Nobody has done anything yet."
      columns={[
        { name: "actor", of: (one) => one.actor },
        { name: "kind", of: (one) => one.kind },
        { name: "executions", of: (one) => count(one.executions), right: true },
        { name: "completed", of: (one) => count(one.completed), right: true },
        { name: "broken", of: (one) => count(one.broken), right: true },
        { name: "success", of: (one) => percent(one.success_percent), right: true },
        { name: "shortest", of: (one) => micros(one.min_us), right: true },
        { name: "average", of: (one) => micros(one.average_us), right: true },
        { name: "longest", of: (one) => micros(one.max_us), right: true },
      ]}
    />
  );
}
