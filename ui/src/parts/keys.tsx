/** Keys. They are off while somebody types, and while a dialog is open. */

import { Kbd, Table } from "@mantine/core";
import { type ReactElement, useEffect, useRef } from "react";
import { PLACES } from "../places";
import { Dialog } from "./dialog";

export type Keys = Record<string, () => void>;
const SEQUENCE_MS = 1500;
const WHILE_TYPING = new Set(["Ctrl+Enter", "Ctrl+k", "Escape"]);

/** The name of what was pressed: `j`, `Ctrl+Enter`, or `g t` where `g` came just before. Nothing while somebody types. */
export function pressed(event: KeyboardEvent, before: string): string {
  const target = event.target as HTMLElement | null;
  const typing = target?.closest?.(
    "input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable=true]",
  );
  const name = `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.key}`;
  if (event.altKey || target?.closest?.("[role=dialog]") || (typing && !WHILE_TYPING.has(name))) return "";
  return before === "g" && name.length === 1 ? `g ${name}` : name;
}

export function useKeys(keys: Keys): void {
  const newest = useRef(keys);
  newest.current = keys;
  useEffect(() => {
    let before = "";
    let at = 0;
    const heard = (event: KeyboardEvent) => {
      const name = pressed(event, event.timeStamp - at < SEQUENCE_MS ? before : "");
      before = name;
      at = event.timeStamp;
      const act = newest.current[name];
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", heard);
    return () => removeEventListener("keydown", heard);
  }, []);
}

const SHEET: [string, string][] = [
  ...PLACES.map(({ key, name }): [string, string] => [`g ${key}`, name]),
  ["j  k", "next, previous in a list of tasks"],
  ["x", "tick the task, to decide it together with others"],
  ["b", "back to the task before"],
  ["c", "claim the task; the first edit does so too"],
  ["f", "find in what a task shows; Enter goes on to the next hit"],
  ["d", "show word by word how your answer differs from what was said before"],
  ["u", "ask again about a task that is decided"],
  ["1 … 9", "choose an answer in the field that shows these numbers"],
  ["Space", "tick, untick"],
  ["Enter", "done with this field, on to the next"],
  ["s", "skip the task: give it back and hide it from me for 15 minutes"],
  ["Ctrl+Enter", "decide, and take the next task"],
  ["Ctrl+Backspace", "send the task back, once a comment says why"],
  ["Ctrl+K", "go to a page, a view, a run, a task, a record by its name"],
  ["Escape", "leave a field, close a dialog"],
  ["p", "stand still: show nothing new until it is pressed again"],
  ["t", "light, dark"],
  ["?", "these keys"],
];

export function Sheet({ open, close }: { open: boolean; close: () => void }): ReactElement {
  return (
    <Dialog open={open} close={close} title="Keys">
      <Table>
        <Table.Tbody>
          {SHEET.map(([keys, does]) => (
            <Table.Tr key={keys}>
              <Table.Td>
                <Kbd>{keys}</Kbd>
              </Table.Td>
              <Table.Td>{does}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Dialog>
  );
}
