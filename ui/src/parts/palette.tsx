/** Where to go, by its name: pages, saved views, a run or a task by its number, a record by its key. */

import { TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, type ReactElement, useState } from "react";
import { useDocument } from "../api/live";
import { PLACES } from "../places";
import { Dialog } from "./dialog";
import { type Goal, goals } from "./goals";

export function Palette({ open, close }: { open: boolean; close: () => void }): ReactElement {
  return (
    <Dialog open={open} close={close} title="Go to">
      {open && <Goals close={close} />}
    </Dialog>
  );
}

function Goals({ close }: { close: () => void }): ReactElement {
  const navigate = useNavigate();
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const { data } = useDocument({ path: "/api/v1/views", watch: { kinds: ["view"] } });
  const found = goals(PLACES, data?.rows ?? [], typed);
  const go = ({ to, params, search }: Goal) => {
    close();
    void navigate({ to, params, search } as Parameters<typeof navigate>[0]);
  };
  const keyed = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by !== undefined) setAt((before) => (before + by + found.length) % found.length);
    else if (event.key === "Enter" && found[at]) go(found[at]);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <TextInput
        aria-label="page, view, run, task or record"
        placeholder="a page, a view, a number, a record's key"
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={keyed}
        role="combobox"
        aria-expanded="true"
        aria-controls="goals"
        aria-activedescendant={found[at] ? `goal-${at}` : undefined}
        autoComplete="off"
        data-autofocus
      />
      <div role="listbox" id="goals" aria-label="where to" className="goals">
        {found.map((goal, number) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the field above
          <div
            key={goal.says}
            id={`goal-${number}`}
            role="option"
            aria-selected={number === at}
            tabIndex={-1}
            onClick={() => go(goal)}
          >
            {goal.says}
          </div>
        ))}
      </div>
    </>
  );
}
