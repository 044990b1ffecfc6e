/** One record: its way through a run, how it stood on that way, and where a value of it comes from. */

import { Button, Group, Text, TextInput, Timeline } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, type ReactElement, useEffect, useState } from "react";
import type { Documents } from "../api/ask";
import { useDocument } from "../api/live";
import { count, micros } from "../parts/format";
import { To } from "../parts/link";
import {
  Command,
  Facts,
  InteractionLink,
  Json,
  Loaded,
  Page,
  Rows,
  RunLink,
  Section,
  State,
  When,
} from "../parts/shown";
import { inOrder, stood, upTo, valueThen } from "./past";
import { Worked } from "./worked";

type Search = { key?: string; run?: string; value?: string; at?: string };

const EXPLAINED = { kinds: ["values", "interaction", "record", "payload", "invalidated"] };

export function Record(): ReactElement {
  const { key, run, value, at } = useSearch({ strict: false }) as Search;
  return (
    <Page title={key ? `Record ${key}` : "Record"}>
      <Ask given={{ key, run, value } as Search} />
      {key && value && <Explained record={key} value={value} />}
      {key && <Traced record={key} run={run} value={value} at={at} />}
    </Page>
  );
}

function Ask({ given }: { given: Search }): ReactElement {
  const navigate = useNavigate();
  const [key, setKey] = useState(given.key ?? "");
  const [value, setValue] = useState(given.value ?? "");
  useEffect(() => {
    setKey(given.key ?? "");
    setValue(given.value ?? "");
  }, [given.key, given.value]);
  const ask = (event: FormEvent) => {
    event.preventDefault();
    void navigate({
      to: "/record",
      search: {
        key: key.trim(),
        value: value.trim() || undefined,
        run: key.trim() === given.key ? given.run : undefined,
      },
    });
  };
  return (
    <Group component="form" align="end" onSubmit={ask}>
      <TextInput label="Key" value={key} onChange={(event) => setKey(event.currentTarget.value)} required w={320} />
      <TextInput
        label="Value"
        placeholder="TABLE.COLUMN"
        value={value}
        onChange={(event) => setValue(event.currentTarget.value)}
        w={240}
      />
      <Button type="submit" disabled={!key.trim()}>
        Show
      </Button>
    </Group>
  );
}

function Explained({ record, value }: { record: string; value: string }): ReactElement {
  const query = useDocument({
    path: "/api/v1/explain",
    parts: { record, value },
    watch: EXPLAINED,
  });
  return (
    <Section title={`Where ${value} comes from`}>
      <Loaded query={query}>
        {({ value: found, complete, erased }) => (
          <>
            <Facts
              of={[
                [
                  "now",
                  found.standing ? (
                    <State key="s" of={found.standing === "as written" ? "completed" : "failed"}>
                      {found.standing}
                    </State>
                  ) : (
                    "–"
                  ),
                ],
                [
                  "written",
                  found.writer ? (
                    <>
                      <When key="w" at={found.writer.written_at} /> by {found.writer.step ?? "its promotion"}
                    </>
                  ) : (
                    "–"
                  ),
                ],
                ["run", found.run ? <RunLink key="r" run={found.run.run_id} /> : "–"],
                ["SHA-256 of what was written", found.sha256 ?? "–"],
                [
                  "all that it comes from is there",
                  <State key="c" of={complete ? "completed" : "failed"}>
                    {complete ? "complete" : "not complete"}
                  </State>,
                ],
              ]}
            />
            {found.missing.map((one) => (
              <Text key={one}>
                <State of="failed">missing:</State> {one}
              </Text>
            ))}
            {erased.map((one) => (
              <Text key={one}>
                <State of="cancelled">erased:</State> {one}
              </Text>
            ))}
            <Json value={found.now} label="the value now" />
            {found.earlier.length > 0 && (
              <Section title="What stood there before">
                <Rows
                  label="earlier values"
                  rows={found.earlier}
                  id={(one) => one.replaced_at}
                  none=""
                  columns={[
                    { name: "until", of: (one) => <When at={one.replaced_at} /> },
                    {
                      name: "value",
                      of: (one) => (one.erased ? "erased" : <Json value={one.value} label="earlier value" />),
                    },
                    { name: "written by", of: (one) => one.writer?.step ?? "–" },
                  ]}
                />
              </Section>
            )}
            {found.works.map((work) => (
              <Worked key={`${work.interaction_id} ${work.attempt}`} work={work} />
            ))}
          </>
        )}
      </Loaded>
      <Command>{`wave explain ${value} --record '${record}'`}</Command>
    </Section>
  );
}

type TracedProps = Record<"run" | "value" | "at", string | undefined> & { record: string };

function Traced({ record, run, value, at }: TracedProps): ReactElement {
  const query = useDocument({
    path: "/api/v1/trace",
    parts: { record, run },
    watch: { kinds: ["interaction", "run", "task", "record", "payload"], run },
  });
  return (
    <Loaded query={query}>
      {({ record: flow, unbroken, breaks, timeline, works, events }) => (
        <>
          <Facts
            of={[
              ["run", <RunLink key="r" run={flow.run_id} />],
              ["workflow", flow.workflow],
              ["collection", flow.collection],
              ["verdict", <State key="s" of={flow.state} />],
              [
                "chain of events",
                <State key="c" of={unbroken ? "completed" : "failed"}>
                  {unbroken ? "unbroken" : "broken"}
                </State>,
              ],
            ]}
          />
          {flow.broken.map((one) => (
            <Text key={one}>
              <State of="failed">does not hold:</State> {one}
            </Text>
          ))}
          {breaks.map((one) => (
            <Text key={`${one.rule} ${one.event_id}`}>
              <State of="failed">{one.rule}:</State> {one.message}
            </Text>
          ))}
          <Values record={record} run={flow.run_id} />
          <Past record={record} value={value} events={events} at={at} />
          <Section title="Its way">
            <Timeline active={timeline.length} bulletSize={16} lineWidth={2} color="gray">
              {timeline.map((one) => (
                <Timeline.Item
                  key={`${one.interaction_id} ${one.attempt}`}
                  title={
                    <InteractionLink
                      id={one.interaction_id}
                      run={flow.run_id}
                      says={`${one.step}, attempt ${one.attempt}`}
                    />
                  }
                >
                  <State of={one.state} /> by {one.actor} in {micros(one.service_us)},{" "}
                  <When at={one.finished_at ?? one.started_at} />
                  {one.error && <Text size="sm">{one.error}</Text>}
                </Timeline.Item>
              ))}
            </Timeline>
          </Section>
          <Section title="What was asked and answered">
            {works.map((work) => (
              <Worked key={`${work.interaction_id} ${work.attempt}`} work={work} />
            ))}
          </Section>
          <details>
            <summary>{`Events (${count(events.length)})`}</summary>
            <Rows
              label="events"
              rows={events}
              id={(one) => one.event_id}
              none="None."
              columns={[
                { name: "event", of: (one) => one.event_id },
                { name: "at", of: (one) => <When at={one.recorded_at} /> },
                { name: "type", of: (one) => one.type.replaceAll("_", " ") },
                { name: "step", of: (one) => one.step ?? "" },
                { name: "caused by", of: (one) => one.cause },
                { name: "SHA-256", of: (one) => one.sha256.slice(0, 16) },
              ]}
            />
          </details>
          <Command>{`wave trace '${record}'${run ? ` --run ${run}` : ""}`}</Command>
        </>
      )}
    </Loaded>
  );
}

/** The columns that its run writes to: where each of them comes from is one step away. */
function Values({ record, run }: { record: string; run: string }): ReactElement | null {
  const { data } = useDocument({ path: "/api/v1/reports/delta", parts: { run }, watch: { kinds: ["run"], run } });
  if (!data?.targets.length) return null;
  return (
    <Group gap="sm" component="nav" aria-label="values">
      Where does it come from:
      {data.targets
        .filter(({ column }) => column !== "*")
        .map(({ table, column }) => (
          <To key={`${table}.${column}`} to="/record" search={{ key: record, run, value: `${table}.${column}` }}>
            {`${table}.${column}`}
          </To>
        ))}
    </Group>
  );
}

type PastProps = { record: string; value: string | undefined; events: Documents["Event"][]; at: string | undefined };

/** How the record stood after one of its events, chosen by a slider; the address holds which. */
function Past({ record, value, events, at }: PastProps): ReactElement | null {
  const navigate = useNavigate();
  const search = useSearch({ strict: false }) as Search;
  const own = inOrder(events);
  const past = upTo(own, at);
  const [last] = past.slice(-1);
  if (!last) return null;
  const isNow = past.length === own.length;
  const says = `${last.type.replaceAll("_", " ")}${last.step ? ` of ${last.step}` : ""}`;
  const go = (place: number) => {
    const event_id = place === own.length ? undefined : own[place - 1]?.event_id;
    void navigate({ to: "/record", search: { ...search, at: event_id }, replace: true });
  };
  return (
    <Section title="How it stood">
      <label className="past">
        After event
        <input
          type="range"
          min={1}
          max={own.length}
          value={past.length}
          onChange={(event) => go(Number(event.currentTarget.value))}
          aria-valuetext={`${past.length} of ${own.length}: ${says}`}
        />
        <output>{`${past.length} of ${own.length}`}</output>
      </label>
      <Text size="sm">
        {says}, <When at={last.recorded_at} />, event {last.event_id}
        {isNow && ": the newest"}
      </Text>
      <Rows
        label="as it stood"
        rows={stood(past)}
        id={(one) => one.interaction_id}
        none="Nothing had begun."
        columns={[
          { name: "step", of: (one) => one.step },
          { name: "by", of: (one) => one.actor },
          { name: "state", of: (one) => <State of={one.state} /> },
          { name: "since", of: (one) => <When at={one.since} /> },
        ]}
      />
      {value && <ValueThen record={record} value={value} own={own} past={past} />}
    </Section>
  );
}

type ValueThenProps = { record: string; value: string; own: Documents["Event"][]; past: Documents["Event"][] };

function ValueThen({ record, value, own, past }: ValueThenProps): ReactElement | null {
  const { data } = useDocument({ path: "/api/v1/explain", parts: { record, value }, watch: EXPLAINED });
  if (!data) return null;
  const was = valueThen(data.value, own, past);
  if (!was) return <Text size="sm">{`Nothing had been written to ${value} yet.`}</Text>;
  return (
    <>
      <Text size="sm">{`${value}, written by ${was.writer?.step ?? "its promotion"}:`}</Text>
      {was.erased ? <Text size="sm">erased</Text> : <Json value={was.value} label="the value then" />}
    </>
  );
}
