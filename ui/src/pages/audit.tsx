/** The sealed log: what is in it, who can check it, and what keeps it from going on. */

import { Text } from "@mantine/core";
import type { ReactElement } from "react";
import type { Documents } from "../api/ask";
import { useDocument } from "../api/live";
import { count, duration } from "../parts/format";
import { useRefusal } from "../parts/may";
import { Command, Facts, Json, Loaded, Page, Rows, Section, State, When } from "../parts/shown";

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
      <Text size="sm">This page shows what the database says. To check it against the log itself:</Text>
      <Command>wave audit verify</Command>
    </>
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
