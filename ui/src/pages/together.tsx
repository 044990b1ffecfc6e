/** Several tasks decided by one answer: each of them is shown, their exact number is typed, then it is done once. */

import { Box, Button, Group, Paper, SimpleGrid, Skeleton, Stack, Text, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactElement, useEffect, useMemo, useRef, useState } from "react";
import { type Documents, newKey, Problem, post } from "../api/ask";
import { write } from "../api/json";
import { asProblem, Counts } from "../parts/act";
import { word } from "../parts/decisions";
import { say } from "../parts/dialog";
import { answered, fields, filled, type Problems, type Values } from "../parts/form";
import { Form } from "../parts/form-view";
import { count, counted } from "../parts/format";
import { useKeys } from "../parts/keys";
import { useNumbered } from "../parts/numbered";
import { Command, Section, Wrong } from "../parts/shown";
import { shown } from "../parts/source";

type OpenTask = Documents["OpenTask"];
type Found = Documents["Together"];
type Card = Documents["PickedTask"];

type Props = { tasks: OpenTask[]; close: () => void; done: () => void };

export function Together({ tasks, close, done }: Props): ReactElement {
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const look = () => {
    setFound(null);
    setProblem(null);
    picked(tasks).then(setFound, (error) => setProblem(asProblem(error)));
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: they are looked at once, as they were when this was opened
  useEffect(look, []);
  return (
    <Section title={`${counted(tasks.length, "task")} together`}>
      <Stack>
        {!found && !problem && <Skeleton height={120} role="status" aria-label="looking" />}
        {problem && (
          <Wrong
            problem={problem}
            then={
              <Group gap="xs" mt="xs">
                <Button size="compact-sm" variant="default" onClick={look}>
                  Look again
                </Button>
                <Button size="compact-sm" variant="default" onClick={close}>
                  Leave it
                </Button>
              </Group>
            }
          />
        )}
        {found && <OneAnswer found={found} wrong={setProblem} close={close} done={done} />}
      </Stack>
    </Section>
  );
}

/** What the server shows of exactly these, as they are at this moment. */
async function picked(tasks: OpenTask[]): Promise<Found> {
  const wanted = { run: tasks[0]?.run_id, interactions: tasks.map(({ task }) => task) };
  const { pick_id } = await post("/api/v1/picks", wanted as unknown as Documents["Like"]);
  const { together } = await post("/api/v1/picks/{pick}/decide/preview", undefined, { parts: { pick: pick_id } });
  if (!together) throw new Problem(500, "bug", "the server has shown nothing", "");
  return together;
}

type OneProps = { found: Found; wrong: (problem: Problem | null) => void; close: () => void; done: () => void };

function OneAnswer({ found, wrong, close, done }: OneProps): ReactElement {
  const client = useQueryClient();
  const form = useMemo(() => fields(found.form), [found.form]);
  const [values, setValues] = useState<Values>(() => filled(form, null));
  const [problems, setProblems] = useState<Problems>({});
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const key = useRef(newKey());
  const { pick_id, preview, tasks } = found;
  const change = (name: string, value: Values[string]) => setValues((before) => ({ ...before, [name]: value }));
  const numbered = useNumbered(form, values, false, change);
  const ready = typed.trim() === String(preview.may) && reason.trim() !== "" && !busy;
  const { answer, problems: missing } = answered(form, values);

  const decide = async (event: FormEvent) => {
    event.preventDefault();
    setProblems(missing);
    if (!ready || Object.keys(missing).length) return;
    setBusy(true);
    wrong(null);
    try {
      const body = { answer, reason: reason.trim(), mark: preview.mark };
      const parts = { pick: pick_id };
      const { decided } = await post("/api/v1/picks/{pick}/decide", body, { parts, key: key.current });
      say(`${counted(decided ?? 0, "task")} decided together, by pick ${pick_id}`);
      done();
      await client.invalidateQueries();
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status >= 400 && problem.status < 500) key.current = newKey();
      wrong(problem);
    } finally {
      setBusy(false);
    }
  };
  useKeys({
    ...numbered.keys,
    Escape: () => {
      const at = document.activeElement as HTMLElement | null;
      if (at && at !== document.body) at.blur();
      else close();
    },
  });

  return (
    <>
      <Text>
        {`${count(preview.may)} of ${counted(preview.total, "task")} of ${found.step} would be decided by one answer.`}
      </Text>
      {preview.left.length > 0 && (
        <div>
          Left alone:
          <Counts of={preview.left.map(({ why, n }) => [n, WHY[why ?? ""] ?? why ?? ""])} />
        </div>
      )}
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="xs">
        {tasks.map((one) => (
          <Shown key={one.task} card={one} answer={answer} />
        ))}
      </SimpleGrid>
      <Paper withBorder p="md">
        <Stack
          component="form"
          aria-label="one answer to all"
          ref={numbered.place}
          onFocus={numbered.entered}
          onBlur={numbered.left}
          onSubmit={decide}
        >
          <Form
            form={form}
            values={values}
            problems={problems}
            before={{}}
            disabled={false}
            numbered={numbered.field}
            change={change}
          />
          <TextInput
            label="Reason"
            description="It is the comment of each decision."
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            maxLength={2000}
            required
          />
          <TextInput
            label={`Type ${preview.may} to go on`}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            inputMode="numeric"
            autoComplete="off"
          />
          <Group gap="xs">
            <Button type="submit" disabled={!ready} loading={busy}>
              {`Decide ${counted(preview.may, "task")}`}
            </Button>
            <Button variant="default" onClick={close}>
              Leave it
            </Button>
          </Group>
          <Command>{`wave tasks decide-together ${tasks.map(({ task }) => task).join(" ")}`}</Command>
        </Stack>
      </Paper>
    </>
  );
}

const WHY: Record<string, string> = {
  changed: "changed since they were picked",
  no_task: "no tasks",
  decided: "decided already",
  one_by_one: "to be decided one by one: their step does not say `bulk: true`",
  sent_back: "sent back once: who decides reads the comment",
  claimed: "claimed by somebody else",
};

function Shown({ card, answer }: { card: Card; answer: Record<string, unknown> }): ReactElement {
  return (
    <Paper withBorder p="xs" component="article" aria-label={`task ${card.task}`}>
      <Text fw={600} size="sm" className="key">
        {card.title || card.record || `task ${card.task}`}
      </Text>
      <Box className="card" tabIndex={0} role="group" aria-label={`what task ${card.task} shows`}>
        {shown(card.input).map(({ name, text, json }) => (
          <div key={name}>
            <Text size="sm" c="dimmed">
              {name}
            </Text>
            <div className={json ? "text text-json" : "text"}>{text}</div>
          </div>
        ))}
      </Box>
      {Object.entries(card.proposed).map(([name, value]) => (
        <Text key={name} size="sm">
          {`proposed for ${name.replaceAll("_", " ")}: `}
          <strong>{word(value)}</strong>
          {name in answer && write(answer[name]) !== write(value) && (
            <span className="differs"> ≠ your answer differs</span>
          )}
        </Text>
      ))}
    </Paper>
  );
}
