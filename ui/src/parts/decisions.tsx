/** What people have said to a task: who, what, what they saw, and where the log says so. */

import { Stack, Text } from "@mantine/core";
import type { ReactElement } from "react";
import type { Documents } from "../api/ask";
import { write } from "../api/json";
import { duration } from "./format";
import { When } from "./shown";

type Task = Documents["TaskV1"];
type Spoken = Documents["Spoken"];

const NTH = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];

/** A value as a person reads it. */
export const word = (value: unknown): string =>
  typeof value === "string" ? value : value === undefined ? "nothing" : write(value);

export function Decisions({ task }: { task: Task }): ReactElement | null {
  if (!task.decisions.length) return null;
  return (
    <Stack gap="sm">
      {task.decisions.map((one) => (
        <Decision key={`${one.round} ${one.person}`} task={task} one={one} />
      ))}
    </Stack>
  );
}

function Decision({ task, one }: { task: Task; one: Spoken }): ReactElement {
  return (
    <div className="decision">
      <Text size="sm">
        <strong>{one.person}</strong> {one.answer ? "decided" : "sent it back"} <When at={one.decided_at} />
        {one.round < task.round && ` (round ${one.round}: it counts no more)`}
        {one.comment && `: ${one.comment}`}
      </Text>
      {one.answer && (
        <ul className="counts">
          {Object.entries(one.answer).map(([name, value]) => (
            <li key={name}>
              {name.replaceAll("_", " ")}: <strong>{word(value)}</strong>
              {one.changed.includes(name) && (
                <span className="differs">{` ≠ ${word(task.proposed[name])} was proposed`}</span>
              )}
            </li>
          ))}
        </ul>
      )}
      <Text size="xs" c="dimmed" className="key">
        {line(task, one)}
      </Text>
    </div>
  );
}

/** What stands in the log of a decision, in one line. */
export function line(task: Task, one: Spoken): string {
  const proposed = Object.keys(task.proposed).length > 0;
  const parts = [
    `task ${task.task}`,
    `${duration(one.seconds)} after claiming it`,
    one.saw && `saw ${one.saw.slice(0, 12)}`,
    one.said && `answer ${one.said.slice(0, 12)}`,
    one.answer && proposed && `${one.changed.length} of ${Object.keys(task.proposed).length} proposed fields changed`,
    one.nth && task.needs > 1 && `${NTH[one.nth - 1] ?? one.nth}, ${task.needs} are needed`,
    task.blind && "blind",
    one.pick && `with others, by pick ${one.pick}`,
    one.event_id && `event ${one.event_id}`,
  ];
  return parts.filter(Boolean).join(", ");
}
