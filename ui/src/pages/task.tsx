/** One task: what is shown on the left, the answer on the right, and below it what led to it. */

import { Stack, Title } from "@mantine/core";
import { type ReactElement, useRef, useState } from "react";
import type { Documents } from "../api/ask";
import { useDocument } from "../api/live";
import { Decisions } from "../parts/decisions";
import { useKeys } from "../parts/keys";
import { useSession } from "../parts/may";
import { Facts, Loaded, RecordLink, RunLink, Section, State, When } from "../parts/shown";
import { Source } from "../parts/source-view";
import { Split } from "../parts/split";
import { Answer } from "./answer";
import { Rerun } from "./picks";

type Task = Documents["TaskV1"];
type Props = { task: string; next: () => void };

export function TaskInHand({ task, next }: Props): ReactElement {
  const query = useDocument({
    path: "/api/v1/tasks/{task}",
    parts: { task },
    watch: { kinds: ["task", "interaction"] },
    every: 30_000,
  });
  const [quote, setQuote] = useState("");
  return (
    <Loaded query={query}>
      {(found) => (
        <Split
          left={
            <Stack>
              <Title order={2} size="h3" className="key">
                {found.title || `${found.step} of ${found.record ?? found.workflow}`}
              </Title>
              <About task={found} />
              <Source input={found.input} quote={quote} />
            </Stack>
          }
          right={
            <Stack>
              <Answer key={found.round} task={found} next={next} quote={setQuote} />
              {found.state === "decided" && <AskAgain task={found} />}
              <Guideline form={found.form} />
              <History task={found} />
            </Stack>
          }
        />
      )}
    </Loaded>
  );
}

function About({ task }: { task: Task }): ReactElement {
  return (
    <Facts
      of={[
        [
          "state",
          <State key="s" of={task.state === "decided" ? "completed" : "waiting"}>
            {task.state}
          </State>,
        ],
        ["record", <RecordLink key="r" record={task.record} run={String(task.run_id)} />],
        ["run", <RunLink key="n" run={task.run_id} />],
        ["queue", task.queue],
        ["due", <When key="d" at={task.due_at} />],
        ["asked", <When key="a" at={task.asked_at} />],
      ]}
    />
  );
}

/** What was decided stays in the log; what followed from it is taken out of force, and people are asked anew. */
function AskAgain({ task }: { task: Task }): ReactElement {
  const place = useRef<HTMLDivElement>(null);
  useKeys({ u: () => place.current?.querySelector("button")?.click() });
  const nothing = () => {};
  const picking = {
    ticked: new Set([String(task.task)]),
    all: null,
    tick: nothing,
    pickAll: nothing,
    none: nothing,
  };
  return (
    <div ref={place}>
      <Rerun label="Ask again (u)" title="Ask again" picking={picking} filter={{}} run={task.run_id} />
    </div>
  );
}

/** What the form says of itself as a whole. */
function Guideline({ form }: { form: unknown }): ReactElement | null {
  const says = typeof form === "object" && form !== null && "description" in form ? form.description : null;
  if (typeof says !== "string" || !says.trim()) return null;
  return (
    <details open>
      <summary>Guideline</summary>
      <div className="text">{says}</div>
    </details>
  );
}

function History({ task }: { task: Task }): ReactElement | null {
  const { person } = useSession();
  const hidden = task.spoken.filter(
    (who) => !task.decisions.some((one) => one.person === who && one.round === task.round),
  );
  if (!task.decisions.length && !hidden.length) return null;
  return (
    <Section title="What was decided">
      <Decisions task={task} />
      {hidden.length > 0 && (
        <div>{`${hidden.map((who) => (who === person ? "you" : who)).join(", ")} decided; what, is hidden until as many have spoken as are needed`}</div>
      )}
    </Section>
  );
}
