import { Group, NativeSelect, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactElement, useEffect, useState } from "react";
import { useDocument } from "../api/live";
import { ButtonTo, To } from "../parts/link";
import { Command, Loaded, Page, Rows } from "../parts/shown";
import { Views } from "../parts/views";
import { runColumns } from "./columns";

const STATES = ["running", "waiting", "paused", "completed", "failed", "cancelled"];
type Search = { workflow?: string; state?: string; before?: string };

export function Runs(): ReactElement {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const { workflow, state, before } = search;
  const [typed, setTyped] = useState(workflow ?? "");
  useEffect(() => setTyped(workflow ?? ""), [workflow]);
  const narrow = (change: Search) =>
    void navigate({ to: "/runs", search: { ...search, before: undefined, ...change } });
  const query = useDocument({
    path: "/api/v1/runs",
    parts: { workflow, state, before },
    keep: true,
    watch: { kinds: ["run", "paused", "resumed", "cancelled"] },
  });
  const options = [workflow && `--workflow ${workflow}`, state && `--state ${state}`].filter(Boolean).join(" ");
  return (
    <Page title="Runs" actions={<Views page="runs" filter={{ workflow, state }} />}>
      <Group
        align="end"
        component="form"
        onSubmit={(event) => {
          event.preventDefault();
          narrow({ workflow: typed.trim() || undefined } as Search);
        }}
      >
        <TextInput
          label="Workflow"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          onBlur={() => typed.trim() !== (workflow ?? "") && narrow({ workflow: typed.trim() })}
          placeholder="any"
        />
        <NativeSelect
          label="State"
          value={state ?? ""}
          onChange={(event) => narrow({ state: event.currentTarget.value })}
          data={[{ value: "", label: "any" }, ...STATES]}
        />
        {(workflow || state || before) && (
          <To to="/runs" pb={6}>
            show all
          </To>
        )}
      </Group>
      <Loaded query={query}>
        {({ rows, next_before_id }) => (
          <>
            <Rows
              label="runs"
              download="runs"
              columns={runColumns}
              rows={rows}
              id={(row) => row.run_id}
              none={workflow || state ? "No run is like that." : "There is no run yet. Start one: wave run WORKFLOW"}
            />
            {next_before_id && (
              <Group>
                <ButtonTo variant="default" to="/runs" search={{ ...search, before: next_before_id }}>
                  Older runs
                </ButtonTo>
              </Group>
            )}
          </>
        )}
      </Loaded>
      <Command>{`wave report runs ${options}`.trim()}</Command>
    </Page>
  );
}
