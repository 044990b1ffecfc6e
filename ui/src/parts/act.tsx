/** A change: what would happen is shown first, its exact count is typed where it cannot be taken back, then it is done once. */

import { Button, Group, Skeleton, Stack, Text, TextInput, Tooltip } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactElement, type ReactNode, useEffect, useRef, useState } from "react";
import { newKey, Problem } from "../api/ask";
import { Dialog, say } from "./dialog";
import { useRefusal } from "./may";
import { Command, Wrong } from "./shown";

export type Looked = {
  /** What would happen, in words and numbers. */
  says: ReactNode;
  /** How many it concerns; it is typed before it is done. Nothing to type: null. */
  total: number | null;
  /** Do it, exactly as it was looked at; say what was done. */
  act: (given: { reason: string; key: string }) => Promise<string>;
};

type Props = {
  label: string;
  title: string;
  needs: "operate" | "review";
  command: string;
  reason?: boolean;
  look: () => Promise<Looked>;
};

export function Act(props: Props): ReactElement {
  const [open, setOpen] = useState(false);
  const refusal = useRefusal(props.needs);
  return (
    <>
      <Tooltip label={refusal} disabled={!refusal}>
        <Button
          variant="default"
          size="compact-md"
          onClick={() => !refusal && setOpen(true)}
          aria-disabled={!!refusal}
          className={refusal ? "refused" : ""}
        >
          {props.label}
        </Button>
      </Tooltip>
      <Dialog open={open} close={() => setOpen(false)} title={props.title}>
        {open && <Order {...props} close={() => setOpen(false)} />}
      </Dialog>
    </>
  );
}

function Order({ label, command, reason, look, close }: Props & { close: () => void }): ReactElement {
  const client = useQueryClient();
  const [looked, setLooked] = useState<Looked | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [typed, setTyped] = useState("");
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  const key = useRef(newKey()); // the same for another try of the same change, so that it is done once

  const begin = () => {
    setLooked(null);
    setProblem(null);
    setTyped("");
    key.current = newKey();
    look().then(setLooked, (error) => setProblem(asProblem(error)));
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is looked at once, when the dialog opens
  useEffect(begin, []);

  const nothing = looked?.total === 0;
  const ready =
    looked !== null &&
    !nothing &&
    (looked.total === null || typed.trim() === String(looked.total)) &&
    (!reason || why.trim() !== "");
  const act = async (event: FormEvent) => {
    event.preventDefault();
    if (!looked || !ready || busy) return;
    setBusy(true);
    setProblem(null);
    try {
      const done = await looked.act({ reason: why.trim(), key: key.current });
      say(done);
      close();
      await client.invalidateQueries();
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form onSubmit={act}>
      <Stack gap="sm">
        {!looked && !problem && <Skeleton height={60} aria-label="looking" />}
        {looked && <div>{looked.says}</div>}
        {problem && (
          <Wrong
            problem={problem}
            then={
              problem.status === 409 && (
                <Button size="compact-sm" variant="default" onClick={begin}>
                  Look again
                </Button>
              )
            }
          />
        )}
        {looked && !nothing && looked.total !== null && (
          <TextInput
            label={`Type ${looked.total} to go on`}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            inputMode="numeric"
            data-autofocus
            autoComplete="off"
          />
        )}
        {reason && looked && !nothing && (
          <TextInput
            label="Reason"
            description="It is kept: name nobody in it."
            value={why}
            onChange={(event) => setWhy(event.currentTarget.value)}
            maxLength={2000}
            required
          />
        )}
        <Command>{command}</Command>
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" disabled={!ready} loading={busy}>
            {label}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function asProblem(error: unknown): Problem {
  return error instanceof Problem
    ? error
    : new Problem(500, "bug", String(error), "this is a bug in Wave Runner: please report it");
}

export function Counts({ of }: { of: [n: number, what: string][] }): ReactElement {
  return (
    <ul className="counts">
      {of.map(([n, what]) => (
        <li key={what}>
          <Text span fw={600} className="number">
            {n.toLocaleString("en")}
          </Text>{" "}
          {what}
        </li>
      ))}
    </ul>
  );
}
