/** Who is signed in, what these pages look like, which views are saved, and what answers. */

import { SegmentedControl, Text, useMantineColorScheme } from "@mantine/core";
import type { ReactElement } from "react";
import { post } from "../api/ask";
import { useDocument } from "../api/live";
import { Act } from "../parts/act";
import { useSession } from "../parts/may";
import { type Column, Command, Facts, Loaded, Page, Rows, Section, State, When } from "../parts/shown";
import { type SavedView, said } from "../parts/view";
import { ViewLink } from "../parts/views";

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
      <Section title="Saved views">
        <SavedViews />
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

function SavedViews(): ReactElement {
  const query = useDocument({ path: "/api/v1/views", watch: { kinds: ["view"] } });
  return (
    <>
      <Loaded query={query}>
        {({ rows }) => (
          <Rows
            label="saved views"
            columns={views}
            rows={rows}
            id={(one) => one.view_id}
            none="No view is saved yet. A list that can be narrowed has a menu for it beside its title."
          />
        )}
      </Loaded>
      <Command>wave views list</Command>
    </>
  );
}

const views: Column<SavedView>[] = [
  { name: "page", of: ({ page }) => page },
  { name: "view", of: (one) => <ViewLink of={one} /> },
  { name: "narrowed by", of: ({ filter }) => said(filter) },
  { name: "by", of: ({ saved_by }) => saved_by },
  { name: "saved", of: ({ saved_at }) => <When at={saved_at} /> },
  { name: "order", of: (one) => <Remove view={one} /> },
];

function Remove({ view: { view_id, page, name } }: { view: SavedView }): ReactElement {
  return (
    <Act
      label="Remove"
      title={`Remove a view of ${page}`}
      needs="operate"
      command={`wave views remove ${view_id}`}
      look={async () => ({
        says: `${name} would be gone for all. What it shows stays.`,
        total: null,
        act: async ({ key }) => {
          await post("/api/v1/views/{view}/remove", undefined, { parts: { view: view_id }, key });
          return `View ${name} is removed`;
        },
      })}
    />
  );
}
