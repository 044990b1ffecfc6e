/** The interactions of a run that are like that, page by page. */

import { Button, Group, NativeSelect, Text, TextInput } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, type ReactElement, useEffect, useState } from "react";
import type { Documents } from "../api/ask";
import { useDocument } from "../api/live";
import { count, micros } from "../parts/format";
import { ButtonTo, To } from "../parts/link";
import { type Column, Command, InteractionLink, Loaded, Page, RecordLink, Rows, State, When } from "../parts/shown";
import { Views } from "../parts/views";
import { type Asked, command, type Filter } from "./asked";
import { PickBar, tickColumn, usePicking } from "./picks";

const STATES = "blocked pending running waiting completed failed quarantined skipped cancelled invalidated".split(" ");
const FIELDS = [
  ["run", "Run", "the newest"],
  ["step", "Step", "any"],
  ["error_class", "Error class", "any"],
  ["rule", "Rule", "any"],
  ["record", "Record", "any"],
] as const;

export function Interactions(): ReactElement {
  const search = useSearch({ strict: false }) as Asked;
  const { before, ...filter } = search;
  const picking = usePicking(JSON.stringify(filter));
  const query = useDocument({
    path: "/api/v1/interactions",
    parts: search,
    keep: true,
    watch: { kinds: ["interaction", "task", "run"], run: filter.run },
  });
  return (
    <Page title="Interactions" actions={<Views page="interactions" filter={filter} />}>
      <Filters filter={filter} />
      <Loaded query={query}>
        {({ run_id, workflow, rows, next_before_id, looked_at }) => (
          <>
            <Text size="sm" c="dimmed">
              <To to="/runs/$run" params={{ run: run_id }}>{`run ${run_id}`}</To> of {workflow}, the newest first
              {before && (
                <>
                  , those before {before} (<To to="/interactions" search={{ ...filter }}>{`to the newest`}</To>)
                </>
              )}
            </Text>
            <PickBar picking={picking} filter={filter} run={run_id} rows={rows} />
            <Rows
              label="interactions"
              download="interactions"
              columns={[tickColumn(picking), ...columns(run_id)]}
              rows={rows}
              id={(row) => row.interaction_id}
              none={looked_at ? "None of them is like that." : "No interaction is like that."}
            />
            {looked_at && <Text role="status">{count(looked_at)} interactions were looked at for this page.</Text>}
            {next_before_id && (
              <Group>
                <ButtonTo variant="default" to="/interactions" search={{ ...filter, before: next_before_id }}>
                  {looked_at ? "Look at older ones" : "Older interactions"}
                </ButtonTo>
              </Group>
            )}
          </>
        )}
      </Loaded>
      <Command>{command(search)}</Command>
    </Page>
  );
}

function Filters({ filter }: { filter: Filter }): ReactElement {
  const navigate = useNavigate();
  const [typed, setTyped] = useState(filter);
  const said = JSON.stringify(filter);
  useEffect(() => setTyped(JSON.parse(said) as Filter), [said]);
  const narrow = (to: Filter) =>
    void navigate({
      to: "/interactions",
      search: Object.fromEntries(Object.entries(to).map(([name, value]) => [name, value?.trim() || undefined])),
    });
  const ask = (event: FormEvent) => {
    event.preventDefault();
    narrow(typed);
  };
  return (
    <Group component="form" align="end" onSubmit={ask} role="search" aria-label="interactions">
      {FIELDS.map(([name, label, placeholder]) => (
        <TextInput
          key={name}
          label={label}
          placeholder={placeholder}
          w={name === "record" ? 220 : name === "run" ? 110 : 150}
          value={typed[name] ?? ""}
          onChange={({ currentTarget: { value } }) => setTyped({ ...typed, [name]: value })}
        />
      ))}
      <NativeSelect
        label="State"
        value={typed.state ?? ""}
        onChange={({ currentTarget: { value } }) => narrow({ ...typed, state: value })}
        data={[{ value: "", label: "any" }, ...STATES]}
      />
      <Button type="submit">Show</Button>
      {Object.entries(filter).some(([name, value]) => value && name !== "run") && (
        <To to="/interactions" search={{ run: filter.run }} pb={6}>
          show all
        </To>
      )}
    </Group>
  );
}

const columns = (run: string): Column<Documents["ListedInteraction"]>[] => [
  { name: "interaction", of: (one) => <InteractionLink id={one.interaction_id} run={run} /> },
  { name: "record", of: (one) => <RecordLink record={one.key} run={run} /> },
  { name: "step", of: (one) => one.step },
  {
    name: "state",
    of: (one) => (
      <>
        <State of={one.state} />
        {!one.in_force && " counts no more"}
      </>
    ),
  },
  { name: "attempt", of: (one) => count(one.attempt), right: true },
  { name: "ended", of: (one) => <When at={one.finished_at} /> },
  { name: "took", of: (one) => micros(one.service_us), right: true },
  { name: "error", of: (one) => <Trouble of={one} /> },
];

function Trouble({ of }: { of: Documents["ListedInteraction"] }): ReactElement | null {
  const kind = of.rule ?? of.error_class;
  if (!kind && !of.error) return null;
  return (
    <>
      {kind && <strong>{kind}</strong>} <span className="cut">{of.error}</span>
    </>
  );
}
