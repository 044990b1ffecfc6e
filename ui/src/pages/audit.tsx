/** The sealed log: what is in it, who can check it, and what keeps it from going on. */

import { Button, Group, Text } from "@mantine/core";
import { type ReactElement, useState } from "react";
import { type Documents, newKey, type Problem, post } from "../api/ask";
import { useDocument } from "../api/live";
import { asProblem } from "../parts/act";
import { count, counted, duration } from "../parts/format";
import { useRefusal } from "../parts/may";
import { Command, Facts, Json, Loaded, Page, Rows, Section, State, When, Wrong } from "../parts/shown";

export function Audit(): ReactElement {
  const query = useDocument({ path: "/api/v1/audit/status", watch: { kinds: ["*"] }, every: 5000 });
  const refused = useRefusal("audit");
  return (
    <Page title="Audit">
      <Loaded query={query}>
        {({ log }) =>
          log ? <Log log={log} /> : <Text c="dimmed">Nothing is sealed yet: a runner begins the log.</Text>
        }
      </Loaded>
      <Command>wave audit status</Command>
      <Section title="Verification">
        <Verified />
      </Section>
      <Section title="Who has access">{refused ? <Text c="dimmed">{refused}.</Text> : <Access />}</Section>
    </Page>
  );
}

function Log({ log }: { log: Documents["LogStatus"] }): ReactElement {
  return (
    <>
      {log.stopped && (
        <Text role="alert">
          <State of="failed">{log.stopped}</State> since <When at={log.stopped_at} />: {log.stopped_because}. Nothing is
          sealed until somebody runs wave audit new-epoch.
        </Text>
      )}
      {log.trouble && (
        <Text role="alert">
          <State of="failed">in trouble</State> since <When at={log.troubled_at} />: {log.trouble}
        </Text>
      )}
      {log.restored && (
        <Text role="alert">
          <State of="failed">restored</State> This database is in another cluster than its log was.
        </Text>
      )}
      <Facts
        of={[
          ["log", log.origin],
          ["entries", count(log.size)],
          ["signed", count(log.signed_size)],
          ["newest checkpoint", <When key="w" at={log.signed_at} />],
          ["events not sealed yet", count(log.unsealed)],
          ["behind by", duration(log.behind_s)],
        ]}
      />
      <Section title="Newest checkpoint">
        <Json value={log.checkpoint || "none yet"} label="checkpoint" />
      </Section>
      <Section title="Key that it is checked by">
        <Json value={log.key || "none yet"} label="key" />
      </Section>
    </>
  );
}

/** Have the whole log verified, and show what came of it, now and before. */
function Verified(): ReactElement {
  const [problem, setProblem] = useState<Problem | null>(null);
  const refused = useRefusal("audit");
  const query = useDocument({
    path: "/api/v1/audit/verifications",
    watch: { kinds: ["log"] },
    every: 2000,
  });
  const verify = async () => {
    setProblem(null);
    try {
      await post("/api/v1/audit/verify", undefined, { key: newKey() });
      await query.refetch();
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <Loaded query={query}>
      {({ under_way, last, rows }) => (
        <>
          <Text size="sm">
            Every signature, every event and every content is held against the log, by the database's own key. Who
            trusts neither of them exports a bundle, and has wave-verify check it elsewhere.
          </Text>
          <Group my="xs">
            <Button onClick={() => void verify()} disabled={!!refused || !!under_way} title={refused}>
              Verify now
            </Button>
            <Text role="status">
              {under_way && (
                <>
                  <State of="running">verifying</State>, for {under_way.by}, since <When at={under_way.began_at} />
                </>
              )}
            </Text>
          </Group>
          {problem && <Wrong problem={problem} />}
          {last && !under_way && <Outcome of={last} />}
          <Rows
            label="verifications"
            rows={rows}
            id={(one) => one.at}
            none="The whole log was never verified."
            columns={[
              { name: "verified", of: (one) => <When at={one.at} /> },
              { name: "by", of: (one) => one.by },
              { name: "result", of: (one) => <Result of={one.result} /> },
              { name: "by the key", of: (one) => (one.policy === "own" ? "of the database" : "that was given") },
              { name: "entries", of: (one) => count(one.entries), right: true },
              { name: "do not hold", of: (one) => count(one.findings), right: true },
            ]}
          />
          <Command>wave audit verify</Command>
        </>
      )}
    </Loaded>
  );
}

const Result = ({ of }: { of: string }): ReactElement => (
  <State of={of === "ok" ? "completed" : "failed"}>{of === "ok" ? "all holds" : of}</State>
);

function Outcome({ of }: { of: Documents["Outcome"] }): ReactElement {
  return (
    <section aria-label="what came of it">
      <Text>
        <Result of={of.result} />, as of <When at={of.ended_at} />
        {of.says && `: ${of.says}`}
        {of.count > 0 && `: ${counted(of.count, "thing does", "things do")} not hold, the first of them`}
      </Text>
      <ul className="counts">
        {of.findings.slice(0, 10).map((one) => (
          <li key={`${one.log_index} ${one.event_id} ${one.why}`}>
            {one.log_index !== null && `index ${one.log_index} of the log`}
            {one.event_id !== null && `, event ${one.event_id}`}
            {one.log_index !== null && ": "}
            {one.why}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Access(): ReactElement {
  const query = useDocument({ path: "/api/v1/access", watch: { kinds: ["access"] } });
  return (
    <Loaded query={query}>
      {({ rows }) => (
        <Rows
          label="access tokens"
          rows={rows}
          id={(one) => one.token_id}
          none="Nobody has an access token. Give somebody one: wave access grant PERSON --role ROLE"
          columns={[
            { name: "person", of: (one) => one.person },
            { name: "role", of: (one) => one.role },
            { name: "state", of: (one) => one.state },
            {
              name: "granted",
              of: (one) => (
                <>
                  <When at={one.granted_at} /> by {one.granted_by}
                </>
              ),
            },
            { name: "ends", of: (one) => <When at={one.expires_at} /> },
            { name: "used", of: (one) => <When at={one.used_at} /> },
          ]}
        />
      )}
    </Loaded>
  );
}
