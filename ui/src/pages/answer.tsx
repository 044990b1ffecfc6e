/** The answer to a task: the first edit claims it, what is filled in is kept as a draft by the server. */

import { Button, Group, Paper, Stack, Text, Textarea } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useEffect, useMemo, useRef, useState } from "react";
import { type Documents, newKey, type Problem, post } from "../api/ask";
import { asProblem } from "../parts/act";
import { Decisions, word } from "../parts/decisions";
import { skip } from "../parts/desk";
import { say } from "../parts/dialog";
import { answered, type Field, fields, filled, type Problems, quoteOf, type Values } from "../parts/form";
import { type Before, Form } from "../parts/form-view";
import { useKeys } from "../parts/keys";
import { useRefusal, useSession } from "../parts/may";
import { useNumbered } from "../parts/numbered";
import { Command, Facts, When, Wrong } from "../parts/shown";

type Task = Documents["TaskV1"];
const SAVE_MS = 2000;
const [LOOK_MS, RENEW_MS] = [60_000, 20 * 60_000];

type Props = { task: Task; next: () => void; quote: (text: string) => void };

export function Answer({ task, next, quote }: Props): ReactElement {
  const client = useQueryClient();
  const { person } = useSession();
  const refusal = useRefusal("review");
  const form = useMemo(() => fields(task.form), [task.form]);
  const [values, setValues] = useState<Values>(() => begun(form, task));
  const [problems, setProblems] = useState<Problems>({});
  const [comment, setComment] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [diff, setDiff] = useState(false);
  const [token, setToken] = useState<string | null>(task.token ?? null);
  const seen = useRef<string | null>(task.token ?? null);
  const edited = useRef(false);
  const ahead = useRef(false); // something was filled in before there was a claim
  const claiming = useRef<Promise<string | null> | null>(null);
  const key = useRef(newKey());
  const parts = { task: task.task };
  const mine = token !== null;
  const over = task.state === "decided";
  const spoken = task.spoken.includes(person);
  const theirs = !mine && task.claimed_by !== person && Date.parse(task.claim_expires_at ?? "") > Date.now();
  const closed = over || spoken;
  const disabled = !!refusal || theirs || closed;

  // Another claim than the one this form knows: its draft is shown, but what was just typed here is not lost for it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a token that the server has changed says so
  useEffect(() => {
    const told = task.token ?? null;
    if (seen.current === told) return;
    seen.current = told;
    if (told === token) return;
    setToken(told);
    if (told && !ahead.current) setValues(begun(form, task));
  }, [task.token]);

  const fresh = () =>
    client.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[0]).startsWith("/api/v1/tasks") });
  const failed = (error: unknown) => {
    const found = asProblem(error);
    setProblem(found);
    // What was refused did nothing. Where no answer came it may be done, and is asked for again under the same key.
    if (found.status >= 400 && found.status < 500) key.current = newKey();
    if (found.status === 409) void fresh(); // who has it, or who has decided and what
  };
  const doing = async (act: () => Promise<unknown>, after?: () => void) => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await act();
      after?.();
      await fresh();
    } catch (error) {
      failed(error);
    } finally {
      setBusy(false);
    }
  };
  const hold = (): Promise<string | null> => {
    if (mine) return Promise.resolve(token);
    claiming.current ??= post("/api/v1/tasks/claim", { task: task.task, queue: null, skip: [] })
      .then((claimed) => {
        setToken(claimed.token ?? null);
        if (!ahead.current) setValues(begun(form, claimed));
        ahead.current = false;
        void fresh();
        return claimed.token ?? null;
      })
      .finally(() => {
        claiming.current = null;
      });
    return claiming.current;
  };
  const change = (name: string, value: Values[string]) => {
    edited.current = true;
    setValues((before) => ({ ...before, [name]: value }));
    if (mine) return;
    ahead.current = true;
    hold().catch(failed);
  };

  const keep = () => {
    edited.current = false;
    post("/api/v1/tasks/{task}/draft", { draft: answered(form, values).answer, token }, { parts }).catch(failed);
  };
  const newest = useRef(keep);
  newest.current = keep;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was typed last is kept, once nothing more is typed
  useEffect(() => {
    if (!mine || !edited.current) return;
    const timer = setTimeout(() => edited.current && newest.current(), SAVE_MS);
    return () => clearTimeout(timer);
  }, [values, mine]);
  useRenewal(mine && !closed, task.claim_expires_at, newest);

  const decide = (andNext: boolean) => {
    const { answer, problems: found } = answered(form, values);
    setProblems(found);
    if (Object.keys(found).length) return;
    void doing(
      async () => {
        const held = await hold();
        edited.current = false; // no draft behind the decision
        await post("/api/v1/tasks/{task}/decide", { answer, comment, token: held }, { parts, key: key.current });
      },
      () => {
        setToken(null);
        say(`Task ${task.task} is decided; b leads back to it`);
        if (andNext) next();
      },
    );
  };
  const sendBack = () =>
    void doing(() =>
      post("/api/v1/tasks/{task}/send-back", { comment: comment.trim(), token }, { parts, key: key.current }),
    );
  const release = () => post("/api/v1/tasks/{task}/release", { token }, { parts, key: key.current });
  const leave = () =>
    void doing(
      async () => mine && (await release()),
      () => {
        skip(person, task.task);
        say(`Task ${task.task} is skipped for 15 minutes`);
        next();
      },
    );

  const numbered = useNumbered(form, values, disabled, change);
  const evidence = quoteOf(numbered.focused, task.input);
  useEffect(() => {
    if (evidence) quote(evidence); // and it stays while one reads it
  }, [evidence, quote]);
  useKeys({
    c: () => !mine && !disabled && void doing(hold),
    s: () => !refusal && !over && leave(),
    "Ctrl+Enter": () => !disabled && decide(true),
    Escape: () => (document.activeElement as HTMLElement | null)?.blur(),
    "Ctrl+Backspace": () => {
      if (!mine) return;
      if (comment.trim()) sendBack();
      else numbered.place.current?.querySelector<HTMLElement>("[data-comment]")?.focus();
    },
    d: () => !closed && setDiff((before) => !before),
    ...numbered.keys,
  });

  return (
    <Paper withBorder p="md">
      <Stack
        component="form"
        aria-label="answer"
        ref={numbered.place}
        onFocus={numbered.entered}
        onBlur={numbered.left}
        onSubmit={(event) => {
          event.preventDefault();
          if (!disabled) decide(false);
        }}
      >
        <Standing task={task} mine={mine} theirs={theirs} spoken={spoken} />
        {problem && (
          <Wrong problem={problem} then={problem.status === 409 && <Clash task={task} form={form} values={values} />} />
        )}
        {!closed && (
          <Form
            form={form}
            values={values}
            problems={problems}
            before={saidBefore(task)}
            disabled={disabled}
            numbered={numbered.field}
            diff={diff}
            change={change}
          />
        )}
        {!closed && (
          <Textarea
            label="Comment"
            data-comment
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
            disabled={disabled}
            maxLength={2000}
            autosize
          />
        )}
        {!closed && (
          <Group gap="xs">
            <Button type="submit" loading={busy} disabled={disabled} title={refusal}>
              Decide
            </Button>
            <Button variant="default" onClick={() => decide(true)} loading={busy} disabled={disabled}>
              Decide and next (Ctrl+Enter)
            </Button>
            {!mine && (
              <Button variant="default" onClick={() => void doing(hold)} disabled={disabled} title={refusal}>
                Claim (c)
              </Button>
            )}
            <Button variant="default" onClick={leave} disabled={!!refusal} title="hide it from me for 15 minutes">
              Skip (s)
            </Button>
            <Button variant="default" onClick={() => setDiff((before) => !before)} aria-pressed={diff}>
              Differences (d)
            </Button>
            {mine && (
              <Button
                variant="default"
                onClick={sendBack}
                disabled={!comment.trim()}
                title="a comment says what is wrong"
              >
                Send back (Ctrl+Backspace)
              </Button>
            )}
            {mine && (
              <Button variant="default" onClick={() => void doing(release, () => setToken(null))}>
                Give back
              </Button>
            )}
          </Group>
        )}
        <Command>{over ? `wave tasks show ${task.task}` : `wave tasks decide ${task.task}`}</Command>
      </Stack>
    </Paper>
  );
}

/** What stands in the fields at first: of a draft; else what the schema has as default, or what is proposed. */
function begun(form: Field[], { draft, prefill, proposed }: Pick<Task, "draft" | "prefill" | "proposed">): Values {
  if (draft || !prefill) return filled(form, draft);
  const there = form.filter(({ name }) => name in proposed);
  return { ...filled(form, null), ...filled(there, proposed) };
}

/** What has been said of each field: what is shown under its name, and the answers that may be seen. */
function saidBefore(task: Task): Before {
  const said: Before = {};
  const add = (name: string, who: string, value: unknown) => {
    said[name] = [...(said[name] ?? []), { who, value }];
  };
  for (const [name, value] of Object.entries(task.proposed)) add(name, "proposed", value);
  for (const one of task.decisions)
    for (const [name, value] of Object.entries(one.answer ?? {}))
      add(name, one.round < task.round ? `${one.person}, round ${one.round}` : one.person, value);
  return said;
}

/** Whoever reads or writes is at work: a claim that is about to end is renewed for them. */
function useRenewal(mine: boolean, expires: string | null | undefined, keep: { current: () => void }): void {
  const active = useRef(false);
  useEffect(() => {
    if (!mine) return;
    const heard = () => {
      active.current = true;
    };
    const kinds = ["keydown", "pointermove", "wheel"] as const;
    for (const kind of kinds) addEventListener(kind, heard, { passive: true });
    const timer = setInterval(() => {
      if (active.current && Date.parse(expires ?? "") - Date.now() < RENEW_MS) keep.current();
      active.current = false;
    }, LOOK_MS);
    return () => {
      clearInterval(timer);
      for (const kind of kinds) removeEventListener(kind, heard);
    };
  }, [mine, expires, keep]);
}

type StandingProps = { task: Task; mine: boolean; theirs: boolean; spoken: boolean };

function Standing({ task, mine, theirs, spoken }: StandingProps): ReactElement {
  if (task.state === "decided") return <Text size="sm">This task is decided.</Text>;
  if (spoken) return <Text size="sm">You have decided; somebody else must look at it too.</Text>;
  if (theirs)
    return (
      <Text size="sm">
        {task.claimed_by} has it, until <When at={task.claim_expires_at} />.
      </Text>
    );
  if (mine) return <Text size="sm">It is yours, and stays so while you are at it.</Text>;
  return <Text size="sm">Fill in the form: the first edit claims it for half an hour.</Text>;
}

type ClashProps = { task: Task; form: Field[]; values: Values };

/** Somebody was first: what they have said, as far as it may be seen, and what was filled in here. */
function Clash({ task, form, values }: ClashProps): ReactElement {
  const { answer } = answered(form, values);
  return (
    <Stack gap="xs" mt="xs">
      <Decisions task={task} />
      <Text size="sm">You had filled in:</Text>
      <Facts of={Object.entries(answer).map(([name, value]) => [name.replaceAll("_", " "), word(value)])} />
    </Stack>
  );
}
