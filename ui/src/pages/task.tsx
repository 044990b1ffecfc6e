/** One task: what is asked, the form, the decision. What is filled in is kept as a draft by the server. */

import { Button, Group, Paper, Stack, Text, Textarea, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useEffect, useMemo, useRef, useState } from "react";
import { type Documents, newKey, type Problem, post } from "../api/ask";
import { useDocument } from "../api/live";
import { asProblem } from "../parts/act";
import { say } from "../parts/dialog";
import { answered, fields, filled, type Problems, type Values } from "../parts/form";
import { Form } from "../parts/form-view";
import { useKeys } from "../parts/keys";
import { useRefusal, useSession } from "../parts/may";
import { Command, Facts, Json, Loaded, RecordLink, RunLink, Section, State, When, Wrong } from "../parts/shown";

type Task = Documents["TaskV1"];
const SAVE_MS = 2000;

export function TaskInHand({ task, decided }: { task: string; decided: () => void }): ReactElement {
  const query = useDocument({
    path: "/api/v1/tasks/{task}",
    parts: { task },
    watch: { kinds: ["task"] },
    every: 30_000,
  });
  return (
    <Loaded query={query}>
      {(found) => (
        <Stack>
          <Title order={2} size="h3">
            {found.title || `${found.step} of ${found.record ?? found.workflow}`}
          </Title>
          <Facts
            of={[
              [
                "state",
                <State key="s" of={found.state === "decided" ? "completed" : "waiting"}>
                  {found.state}
                </State>,
              ],
              ["record", <RecordLink key="r" record={found.record} run={String(found.run_id)} />],
              ["run", <RunLink key="n" run={found.run_id} />],
              ["queue", found.queue],
              ["due", <When key="d" at={found.due_at} />],
              ["asked", <When key="a" at={found.asked_at} />],
            ]}
          />
          <Section title="What is shown">
            {Object.entries(found.input).map(([name, value]) => (
              <div key={name}>
                <Text size="sm" c="dimmed">
                  {name.replaceAll("_", " ")}
                </Text>
                <Json value={value} label={name} />
              </div>
            ))}
          </Section>
          {found.decisions.length > 0 && (
            <Section title="What was decided">
              <Json value={found.decisions} label="decisions" />
            </Section>
          )}
          {/* A claim has a form of its own: what was filled in under another one is that one's. */}
          {found.state !== "decided" && <Answer key={`${found.token} ${found.round}`} task={found} decided={decided} />}
        </Stack>
      )}
    </Loaded>
  );
}

function Answer({ task, decided }: { task: Task; decided: () => void }): ReactElement {
  const client = useQueryClient();
  const { person } = useSession();
  const refusal = useRefusal("review");
  const form = useMemo(() => fields(task.form), [task.form]);
  const [values, setValues] = useState<Values>(() => filled(form, task.draft));
  const [problems, setProblems] = useState<Problems>({});
  const [comment, setComment] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const edited = useRef(false);
  const key = useRef(newKey());
  const parts = { task: task.task };
  const mine = task.claimed_by === person && task.token !== null;
  const token = task.token ?? null;

  const doing = async (act: () => Promise<unknown>, after?: () => void) => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await act();
      after?.();
      await client.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[0]).startsWith("/api/v1/tasks") });
    } catch (error) {
      const found = asProblem(error);
      setProblem(found);
      // What was refused did nothing. Where no answer came it may be done, and is asked for again under the same key.
      if (found.status >= 400 && found.status < 500) key.current = newKey();
    } finally {
      setBusy(false);
    }
  };
  const change = (name: string, value: Values[string]) => {
    edited.current = true;
    setValues((before) => ({ ...before, [name]: value }));
  };

  useEffect(() => {
    if (!mine || !edited.current) return;
    const timer = setTimeout(() => {
      edited.current = false;
      post(
        "/api/v1/tasks/{task}/draft",
        { draft: answered(form, values).answer, token },
        { parts: { task: task.task } },
      ).catch((error) => setProblem(asProblem(error)));
    }, SAVE_MS);
    return () => clearTimeout(timer);
  }, [values, mine, form, token, task.task]);

  const claim = () => void doing(() => post("/api/v1/tasks/claim", { task: task.task, queue: null }));
  const decide = (andNext: boolean) => {
    const { answer, problems: found } = answered(form, values);
    setProblems(found);
    if (Object.keys(found).length) return;
    edited.current = false; // no draft behind the decision
    void doing(
      () => post("/api/v1/tasks/{task}/decide", { answer, comment, token }, { parts, key: key.current }),
      () => {
        say(`Task ${task.task} is decided`);
        if (andNext) decided();
      },
    );
  };
  const sendBack = () =>
    void doing(() =>
      post("/api/v1/tasks/{task}/send-back", { comment: comment.trim(), token }, { parts, key: key.current }),
    );
  const release = () => void doing(() => post("/api/v1/tasks/{task}/release", { token }, { parts, key: key.current }));

  const choice = form.find((field) => field.kind === "choice");
  useKeys({
    c: () => !mine && !refusal && claim(),
    "Ctrl+Enter": () => mine && decide(true),
    Escape: () => (document.activeElement as HTMLElement | null)?.blur(),
    ...Object.fromEntries(
      (mine && choice ? choice.options.slice(0, 9) : []).map((option, at) => [
        String(at + 1),
        () => change(choice?.name ?? "", option),
      ]),
    ),
  });

  return (
    <Paper withBorder p="md">
      <Stack
        component="form"
        aria-label="answer"
        onSubmit={(event) => {
          event.preventDefault();
          decide(false);
        }}
      >
        {!mine && (
          <Group>
            <Button onClick={claim} loading={busy} disabled={!!refusal} title={refusal}>
              Claim (c)
            </Button>
            <Text size="sm" c="dimmed">
              {task.claimed_by ? (
                <>
                  {task.claimed_by} has it, until <When at={task.claim_expires_at} />.
                </>
              ) : (
                "Claim it to fill in the form; it is yours for half an hour."
              )}
            </Text>
          </Group>
        )}
        <Form form={form} values={values} problems={problems} disabled={!mine} change={change} />
        <Textarea
          label="Comment"
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
          disabled={!mine}
          maxLength={2000}
          autosize
        />
        {problem && <Wrong problem={problem} />}
        {mine && (
          <Group>
            <Button type="submit" loading={busy}>
              Decide
            </Button>
            <Button variant="default" onClick={() => decide(true)} loading={busy}>
              Decide and next (Ctrl+Enter)
            </Button>
            <Button
              variant="default"
              onClick={sendBack}
              disabled={!comment.trim()}
              title="a comment says what is wrong"
            >
              Send back
            </Button>
            <Button variant="default" onClick={release}>
              Give back
            </Button>
          </Group>
        )}
        <Command>{`wave tasks decide ${task.task}`}</Command>
      </Stack>
    </Paper>
  );
}
