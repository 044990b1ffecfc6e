/** Orders about interactions that are picked from their list: those that are ticked, or all that match. */

import { Button, Checkbox, Group, Text, Tooltip } from "@mantine/core";
import { type ReactElement, useState } from "react";
import { type Documents, Problem, post } from "../api/ask";
import { Act, asProblem, Counts, type Looked } from "../parts/act";
import { count, counted } from "../parts/format";
import { useRefusal } from "../parts/may";
import type { Column } from "../parts/shown";
import { Wrong } from "../parts/shown";
import { type Filter, pickCommand } from "./asked";

type Listed = Documents["ListedInteraction"];
type Pick = Documents["PickV1"];
type Preview = Documents["PickPreview"];

/** What is picked of a list; a list of something else begins with nothing. */
export type Picking = {
  ticked: ReadonlySet<string>;
  all: Pick | null;
  tick: (ids: string[], on: boolean) => void;
  pickAll: (pick: Pick) => void;
  none: () => void;
};

export function usePicking(list: string): Picking {
  const nothing = { list, ticked: new Set<string>(), all: null };
  const [kept, keep] = useState<{ list: string; ticked: ReadonlySet<string>; all: Pick | null }>(nothing);
  const { ticked, all } = kept.list === list ? kept : nothing;
  return {
    ticked,
    all,
    tick: (ids, on) => {
      const next = new Set(ticked);
      for (const id of ids) on ? next.add(id) : next.delete(id);
      keep({ list, ticked: next, all: null });
    },
    pickAll: (pick) => keep({ list, ticked: new Set(), all: pick }),
    none: () => keep(nothing),
  };
}

/** A column to tick in. */
export function tickColumn({ ticked, all, tick }: Picking): Column<Listed> {
  return {
    name: "picked",
    of: ({ interaction_id: id, step }) => (
      <Checkbox
        aria-label={`pick interaction ${id}, ${step}`}
        checked={all !== null || ticked.has(id)}
        disabled={all !== null}
        onChange={({ currentTarget: { checked } }) => tick([id], checked)}
      />
    ),
  };
}

type Props = { picking: Picking; filter: Filter; run: string; rows: Listed[] };

export function PickBar({ picking, filter, run, rows }: Props): ReactElement {
  const { ticked, all, tick, none } = picking;
  const n = all ? all.total : ticked.size;
  const said = all ? `All ${count(n)} that match are picked, as they are now.` : n ? `${count(n)} picked.` : "";
  return (
    <Group gap="xs" role="group" aria-label="orders about what is picked">
      {!all && rows.length > 0 && (
        <>
          <Button
            variant="default"
            size="compact-md"
            onClick={() =>
              tick(
                rows.map((row) => row.interaction_id),
                true,
              )
            }
          >
            Pick this page
          </Button>
          <PickAll {...{ picking, filter, run }} />
        </>
      )}
      {n > 0 && (
        <>
          <Button variant="default" size="compact-md" onClick={none}>
            Pick none
          </Button>
          <Retry {...{ picking, filter, run }} />
          <Cancel {...{ picking, filter, run }} />
          <Rerun {...{ picking, filter, run }} />
        </>
      )}
      <Text size="sm" role="status">
        {said}
      </Text>
    </Group>
  );
}

type About = Omit<Props, "rows">;

function PickAll({ picking, filter, run }: About): ReactElement {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const refusal = useRefusal("operate");
  const all = async () => {
    setBusy(true);
    setProblem(null);
    try {
      picking.pickAll(await pickOf({ filter, run }));
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Tooltip label={refusal} disabled={!refusal}>
        <Button
          variant="default"
          size="compact-md"
          loading={busy}
          onClick={() => !refusal && all()}
          aria-disabled={!!refusal}
          className={refusal ? "refused" : ""}
        >
          Pick all that match
        </Button>
      </Tooltip>
      {problem && <Wrong problem={problem} />}
    </>
  );
}

function Retry(about: About): ReactElement {
  return <Ordered {...about} kind="retry" label="Retry" title="Try again what is picked" />;
}

function Cancel(about: About): ReactElement {
  return <Ordered {...about} kind="cancel" label="Cancel" title="Cancel what is picked" />;
}

const WORDS = {
  retry: { would: "would be tried again.", none: "Nothing of it can be tried again.", done: "to be tried again" },
  cancel: {
    would: "would end without a result. This is not taken back.",
    none: "Nothing of it can be cancelled.",
    done: "cancelled",
  },
};

function Ordered({
  kind,
  label,
  title,
  ...about
}: About & { kind: "retry" | "cancel"; label: string; title: string }): ReactElement {
  const words = WORDS[kind];
  const look = async (): Promise<Looked> => {
    const { pick_id } = await picked(about);
    const parts = { pick: pick_id };
    const { preview } = await post(`/api/v1/picks/{pick}/${kind}/preview`, undefined, { parts });
    if (!preview) throw new Problem(500, "bug", "the server has previewed nothing", "");
    return {
      says: <Says preview={preview} words={words} />,
      total: preview.may,
      act: async ({ reason, key }) => {
        const decided = { reason, mark: preview.mark };
        const { done } = await post(`/api/v1/picks/{pick}/${kind}`, decided, { parts, key });
        about.picking.none();
        return `${counted(done ?? 0, "interaction")} ${words.done}`;
      },
    };
  };
  return <Act label={label} title={title} needs="operate" reason command={commandOf(kind, about)} look={look} />;
}

function Says({ preview, words }: { preview: Preview; words: { would: string; none: string } }): ReactElement {
  const { may, total, parts, left } = preview;
  return (
    <>
      {may ? `${counted(may, "interaction")} of ${count(total)} ${words.would}` : words.none}
      <Counts of={parts.map(({ step, state, n }) => [n, `${step}, ${state}`])} />
      {left.length > 0 && (
        <>
          Left alone:
          <Counts
            of={left.map(({ step, state, why, n }) => [n, `${step ?? "gone"}, ${state ?? ""}: ${WHY[why ?? ""]}`])}
          />
        </>
      )}
    </>
  );
}

const WHY: Record<string, string> = {
  changed: "changed since they were picked",
  cancelled_run: "their run was cancelled",
  not_broken: "neither failed nor quarantined",
  superseded: "others have taken their place",
  erased: "erased",
  of_people: "people are asked again by a new run",
  handled: "the workflow has gone on from there",
  under_way: "another run has the record in hand",
  blocked: "they go with what they wait for",
  ended: "ended already",
};

export function Rerun({
  label = "Rerun",
  title = "Redo what is picked",
  ...about
}: About & { label?: string; title?: string }): ReactElement {
  const look = async (): Promise<Looked> => {
    const { pick_id } = await picked(about);
    const parts = { pick: pick_id };
    const { step, total, preview } = await post("/api/v1/picks/{pick}/rerun/preview", undefined, { parts });
    if (!preview) throw new Problem(500, "bug", "the server has previewed nothing", "");
    const { redone, records, steps, under_way, mark } = preview;
    return {
      says: redone ? (
        <>
          {counted(redone, "result")} of {step} would be redone, of {counted(records, "record")}, with all that they
          have led to:
          <Counts of={steps.map((one) => [one.interactions, one.step])} />
          {total > redone && `${count(total - redone)} of what is picked would be left alone`}
          {under_way > 0 && `, among them those of ${counted(under_way, "record")} at work`}
          {total > redone && "."}
        </>
      ) : (
        "Nothing of it can be redone."
      ),
      total: redone,
      act: async ({ reason, key }) => {
        const { started } = await post("/api/v1/picks/{pick}/rerun", { reason, mark }, { parts, key });
        about.picking.none();
        return `${counted(started?.redone ?? 0, "result")} to be redone, by rerun ${started?.rerun}`;
      },
    };
  };
  return <Act label={label} title={title} needs="operate" reason command={commandOf("rerun", about)} look={look} />;
}

/** What an order is about: all as they were picked, or those that are ticked, picked at this moment. */
async function picked({ picking: { all, ticked }, run }: About): Promise<Pick> {
  return all ?? pickOf({ filter: {}, run, ids: [...ticked] });
}

function pickOf({ filter, run, ids }: { filter: Filter; run: string; ids?: string[] }): Promise<Pick> {
  const { run: _, ...like } = filter;
  return post("/api/v1/picks", { ...like, run, interactions: ids ?? null } as unknown as Documents["Like"]);
}

function commandOf(kind: "retry" | "cancel" | "rerun", { picking: { all, ticked }, filter, run }: About): string {
  return pickCommand(kind, run, all ? filter : {}, all ? [] : [...ticked]);
}
