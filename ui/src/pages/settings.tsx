/** Who is signed in, what these pages look like, and what answers. */

import { SegmentedControl, Text, useMantineColorScheme } from "@mantine/core";
import type { ReactElement } from "react";
import { useDocument } from "../api/live";
import { useSession } from "../parts/may";
import { Command, Facts, Loaded, Page, Section, State, When } from "../parts/shown";

const SCHEMES = [
  { value: "auto", label: "as this device" },
  { value: "light", label: "light" },
  { value: "dark", label: "dark" },
];

export function Settings(): ReactElement {
  const { person, role, may, expires_at } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const query = useDocument({ path: "/api/v1/db/status", watch: { kinds: ["*"] } });
  return (
    <Page title="Settings">
      <Section title="Who you are">
        <Facts
          of={[
            ["person", person],
            ["role", role],
            ["you may", may.join(", ")],
            ["session ends", <When key="e" at={expires_at} />],
          ]}
        />
        <Text size="sm" c="dimmed">
          Another role is given by who runs the project: wave access grant {person} --role ROLE
        </Text>
      </Section>
      <Section title="Colours">
        <SegmentedControl
          aria-label="colours"
          value={colorScheme}
          onChange={(value) => setColorScheme(value as typeof colorScheme)}
          data={SCHEMES}
        />
      </Section>
      <Section title="What answers">
        <Loaded query={query}>
          {({ rows: [about] }) =>
            about ? (
              <Facts
                of={[
                  ["Wave Runner", about.program],
                  ["database", about.database],
                  ["as role", about.role],
                  ["PostgreSQL", about.version],
                  [
                    "schema",
                    <State key="s" of={about.found === about.newest ? "completed" : "failed"}>
                      {`${about.schema}, version ${about.found ?? "none"} of ${about.newest}`}
                    </State>,
                  ],
                ]}
              />
            ) : (
              <Text c="dimmed">The server does not say what it is.</Text>
            )
          }
        </Loaded>
        <Command>wave db status</Command>
      </Section>
    </Page>
  );
}
