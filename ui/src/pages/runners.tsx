/** Who works, on which servers, and why work waits. */

import { Text } from "@mantine/core";
import type { ReactElement } from "react";
import { post } from "../api/ask";
import { useDocument } from "../api/live";
import { Act } from "../parts/act";
import { count, duration } from "../parts/format";
import { Command, Loaded, Page, Rows, Section, State, When } from "../parts/shown";

export function Runners(): ReactElement {
  const runners = useDocument({ path: "/api/v1/reports/runners", watch: { kinds: ["runner"] }, every: 3000 });
  const servers = useDocument({
    path: "/api/v1/reports/servers",
    watch: { kinds: ["breaker", "model", "wave"] },
    every: 5000,
  });
  return (
    <Page title="Runners and servers">
      <Section title="Runners">
        <Loaded query={runners}>
          {({ rows }) => (
            <Rows
              label="runners"
              rows={rows}
              id={(one) => one.runner_id}
              none="No runner is at work. Start one: wave runner"
              columns={[
                { name: "runner", of: (one) => one.runner_id },
                { name: "where", of: (one) => `${one.host}, process ${one.pid}` },
                { name: "version", of: (one) => one.version },
                {
                  name: "heard of",
                  of: (one) => (
                    <>
                      <State of={one.heard ? "heard" : "silent"} /> <When at={one.heartbeat_at} />
                    </>
                  ),
                },
                { name: "told to", of: (one) => one.told },
                { name: "labels", of: (one) => one.labels.join(", ") || "–" },
                { name: "servers", of: (one) => one.servers.join(", ") || "–" },
                { name: "waves", of: (one) => count(one.waves), right: true },
                { name: "interactions", of: (one) => count(one.interactions), right: true },
                { name: "order", of: (one) => <Stop runner={one.runner_id} /> },
              ]}
            />
          )}
        </Loaded>
        <Command>wave report runners</Command>
      </Section>
      <Loaded query={servers}>
        {({ servers: breakers, models, queues, accounts }) => (
          <>
            <Section title="Model servers">
              <Rows
                label="model servers"
                rows={breakers}
                id={(one) => `${one.kind} ${one.server} ${one.name}`}
                none="No model server was asked yet."
                columns={[
                  { name: "name", of: (one) => `${one.name} (${one.kind})` },
                  { name: "breaker", of: (one) => <State of={one.position} /> },
                  { name: "failures", of: (one) => count(one.failures), right: true },
                  { name: "tried again in", of: (one) => duration(one.retry_s), right: true },
                  { name: "why", of: (one) => one.reason ?? one.error_class ?? "" },
                  { name: "waiting", of: (one) => count(one.waiting), right: true },
                  { name: "running", of: (one) => count(one.running), right: true },
                ]}
              />
            </Section>
            <Section title="Models">
              <Rows
                label="models"
                rows={models}
                id={(one) => `${one.server} ${one.model}`}
                none="No model was loaded yet."
                columns={[
                  { name: "model", of: (one) => `${one.model} on ${one.server}` },
                  { name: "loads", of: (one) => count(one.loads), right: true },
                  { name: "a load takes", of: (one) => duration(one.load_s), right: true },
                  { name: "a record takes", of: (one) => duration(one.record_s), right: true },
                ]}
              />
            </Section>
            <Section title="What waits, and why">
              <Rows
                label="queues"
                rows={queues}
                id={(one) => `${one.actor} ${one.server} ${one.needs.join(" ")}`}
                none="Nothing waits."
                columns={[
                  { name: "for", of: (one) => [one.actor, one.server].filter(Boolean).join(" on ") },
                  { name: "waiting", of: (one) => count(one.waiting), right: true },
                  { name: "running", of: (one) => count(one.running), right: true },
                  { name: "why", of: (one) => one.because.map((why) => why.replaceAll("_", " ")).join(", ") },
                ]}
              />
            </Section>
            {accounts.length > 0 && (
              <Section title="Limits">
                <Rows
                  label="limits"
                  rows={accounts}
                  id={(one) => `${one.kind} ${one.name}`}
                  none=""
                  columns={[
                    { name: "of", of: (one) => `${one.kind} ${one.name}` },
                    {
                      name: "under way",
                      of: (one) => `${count(one.under_way)} of ${count(one.concurrency)}`,
                      right: true,
                    },
                    { name: "requests a minute", of: (one) => count(one.requests_per_minute), right: true },
                    { name: "tokens a minute", of: (one) => count(one.tokens_per_minute), right: true },
                    { name: "waiting", of: (one) => count(one.waiting), right: true },
                  ]}
                />
              </Section>
            )}
            <Command>wave report servers</Command>
          </>
        )}
      </Loaded>
      <Text size="sm" c="dimmed">
        Heartbeats are no events: this page asks anew every few seconds.
      </Text>
    </Page>
  );
}

function Stop({ runner }: { runner: string }): ReactElement {
  return (
    <Act
      label="Stop"
      title={`Stop runner ${runner}`}
      needs="operate"
      command={`wave cancel runner ${runner}`}
      look={async () => ({
        says: "It gives back what it has in hand, and ends. Others take it up.",
        total: null,
        act: async ({ key }) => {
          await post("/api/v1/cancel", { subject: "runner", name: runner, expect: null }, { key });
          return `Runner ${runner} is told to stop`;
        },
      })}
    />
  );
}
