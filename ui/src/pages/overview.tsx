/** What is running, what is wrong, what to do next. */

import { Code, Grid, Paper, Text } from "@mantine/core";
import type { ReactElement, ReactNode } from "react";
import type { Documents } from "../api/ask";
import { useDocument } from "../api/live";
import { count, counted, duration } from "../parts/format";
import { To } from "../parts/link";
import { Facts, Loaded, Page, Rows, RunLink, Section, State, When } from "../parts/shown";
import { runColumns } from "./columns";
import { nextOf } from "./next";

const OPEN = ["running", "waiting", "paused"];

export function Overview(): ReactElement {
  const runs = useDocument({
    path: "/api/v1/runs",
    parts: { limit: 20 },
    watch: { kinds: ["run", "paused", "resumed", "cancelled"] },
  });
  const alerts = useDocument({
    path: "/api/v1/reports/alerts",
    watch: { kinds: ["run", "wave", "alert", "actor", "workflow"] },
    every: 15_000,
  });
  const records = useDocument({ path: "/api/v1/reports/records", watch: { kinds: ["run", "records"] }, every: 15_000 });
  return (
    <Page title="Overview">
      <Grid>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Card title="What to do next">
            <Loaded query={runs}>
              {(found) => (
                <Loaded query={alerts}>{(wrong) => <NextList runs={found.rows} alerts={wrong.rows} />}</Loaded>
              )}
            </Loaded>
          </Card>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Card title="What is wrong">
            <Loaded query={alerts}>{({ rows }) => <Alerts rows={rows} />}</Loaded>
          </Card>
        </Grid.Col>
      </Grid>
      <Section title="What is running">
        <Loaded query={runs}>
          {({ rows }) => (
            <Rows
              label="runs that have not ended"
              columns={runColumns}
              rows={rows.filter(({ state }) => OPEN.includes(state))}
              id={(row) => row.run_id}
              none={<Nothing runs={rows} />}
            />
          )}
        </Loaded>
      </Section>
      <Section title="Who works">
        <Workers />
      </Section>
      <Section title="Records by verdict">
        <Loaded query={records}>
          {({ workflows, behind }) => (
            <>
              <Rows
                label="records by workflow"
                columns={[
                  { name: "workflow", of: ([name]) => name },
                  {
                    name: "records",
                    of: ([, verdicts]) =>
                      Object.entries(verdicts).map(([verdict, n]) => (
                        <span key={verdict}>
                          <State of={verdict}>{`${count(n)} ${verdict}`}</State>{" "}
                        </span>
                      )),
                  },
                ]}
                rows={Object.entries(workflows)}
                id={([name]) => name}
                none="No record has come through yet."
              />
              {behind > 0 && (
                <Text size="sm" c="dimmed">
                  {counted(behind, "event")} of the log are not counted yet.
                </Text>
              )}
            </>
          )}
        </Loaded>
      </Section>
    </Page>
  );
}

function Card({ title, children }: { title: string; children: ReactNode }): ReactElement {
  return (
    <Paper withBorder p="md" h="100%">
      <Section title={title}>{children}</Section>
    </Paper>
  );
}

function NextList({ runs, alerts }: { runs: Documents["ListedRun"][]; alerts: Documents["Alert"][] }): ReactElement {
  const watch = { kinds: ["task", "interaction"] };
  const open = useDocument({ path: "/api/v1/tasks", parts: { limit: 1 }, watch, every: 30_000 });
  const overdue = useDocument({ path: "/api/v1/tasks", parts: { limit: 1, overdue: true }, watch, every: 30_000 });
  const staging = useDocument({ path: "/api/v1/staging", watch: { kinds: ["staging", "batch", "records"] } });
  return (
    <Loaded query={open}>
      {({ total }) => (
        <Loaded query={overdue}>
          {({ total: late }) => (
            <Loaded query={staging}>
              {({ rows }) => (
                <Nexts
                  all={nextOf({
                    alerts,
                    runs,
                    open: total,
                    overdue: late,
                    held: rows.filter(({ whole }) => whole === "held"),
                  })}
                />
              )}
            </Loaded>
          )}
        </Loaded>
      )}
    </Loaded>
  );
}

function Nexts({ all }: { all: ReturnType<typeof nextOf> }): ReactElement {
  if (!all.length) return <State of="good">nothing waits for you</State>;
  return (
    <ul className="counts next">
      {all.map(({ says, to, command }) => (
        <li key={says}>
          <To to={to}>{says}</To>
          {": "}
          <Code className="command">{command}</Code>
        </li>
      ))}
    </ul>
  );
}

function Alerts({ rows }: { rows: Documents["Alert"][] }): ReactElement {
  if (!rows.length) return <State of="completed">no alert</State>;
  return (
    <ul className="counts next">
      {rows.map((alert) => (
        <li key={`${alert.kind} ${alert.subject} ${alert.message}`}>
          <State of="failed">{alert.kind.replaceAll("_", " ")}</State> {alert.subject}, since <When at={alert.since} />:{" "}
          {alert.message}
        </li>
      ))}
    </ul>
  );
}

function Nothing({ runs }: { runs: Documents["ListedRun"][] }): ReactElement {
  const [newest] = runs;
  if (!newest)
    return (
      <>
        There is no run yet. Start one: <Code>wave run WORKFLOW</Code>
      </>
    );
  return (
    <>
      Nothing: every run has ended. The newest is <RunLink run={newest.run_id} /> of {newest.workflow},{" "}
      <State of={newest.state} /> after {duration(newest.seconds)}.
    </>
  );
}

function Workers(): ReactElement {
  const runners = useDocument({ path: "/api/v1/reports/runners", watch: { kinds: ["runner"] }, every: 5000 });
  const audit = useDocument({ path: "/api/v1/audit/status", watch: { kinds: ["log"] }, every: 15_000 });
  return (
    <Loaded query={runners}>
      {({ rows }) => {
        const heard = rows.filter((one) => one.heard);
        return (
          <Facts
            of={[
              [
                "runners",
                <To key="r" to="/runners">
                  {counted(heard.length, "runner")}
                </To>,
              ],
              ["interactions in hand", count(heard.reduce((sum, one) => sum + one.interactions, 0))],
              ["sealed log", audit.data?.log ? <LogFact key="l" log={audit.data.log} /> : "not begun"],
            ]}
          />
        );
      }}
    </Loaded>
  );
}

function LogFact({ log }: { log: Documents["LogStatus"] }): ReactElement {
  return (
    <To to="/audit">
      <State of={log.stopped || log.trouble ? "failed" : "completed"}>
        {log.stopped || (log.trouble ? "in trouble" : `${count(log.size)} entries`)}
      </State>
    </To>
  );
}
