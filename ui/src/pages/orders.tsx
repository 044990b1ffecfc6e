/** Orders about a run, as the commands of the same name give them. */

import type { ReactElement } from "react";
import { type Documents, post } from "../api/ask";
import { Act, Counts, type Looked } from "../parts/act";
import { counted } from "../parts/format";
import type { Status } from "./run";

const ENDED = ["completed", "failed", "cancelled"];

export function Orders({ status }: { status: Status }): ReactElement {
  const { run_id, state, paused_by } = status.run;
  const about = { subject: "run" as const, name: run_id };
  const ended = ENDED.includes(state);
  return (
    <>
      {!ended && !paused_by && (
        <Act
          label="Pause"
          title={`Pause run ${run_id}`}
          needs="operate"
          command={`wave pause run ${run_id}`}
          look={async () => ({
            says: "Nothing more of it begins; what is in hand is finished. Resume takes it back.",
            total: null,
            act: async ({ key }) => {
              const { changed } = await post("/api/v1/pause", about, { key });
              return changed ? `Run ${run_id} is paused` : `Run ${run_id} was paused already`;
            },
          })}
        />
      )}
      {!ended && (
        <Act
          label="Cancel"
          title={`Cancel run ${run_id}`}
          needs="operate"
          command={`wave cancel run ${run_id}`}
          look={() => lookAtCancel(run_id)}
        />
      )}
      {ended && (
        <Act
          label="Retry"
          title={`Retry what has failed in run ${run_id}`}
          needs="operate"
          command={`wave retry run ${run_id}`}
          look={() => lookAtRetry({ subject: "run", name: run_id })}
        />
      )}
    </>
  );
}

export function Resume({ run }: { run: string }): ReactElement {
  return (
    <Act
      label="Resume"
      title={`Resume run ${run}`}
      needs="operate"
      command={`wave resume run ${run}`}
      look={async () => ({
        says: "It goes on where it has stopped.",
        total: null,
        act: async ({ key }) => {
          const { changed } = await post("/api/v1/resume", { subject: "run", name: run }, { key });
          return changed ? `Run ${run} goes on` : `Run ${run} was not paused`;
        },
      })}
    />
  );
}

type Cause = Pick<Documents["Pattern"], "step" | "state" | "error_class" | "rule">;

/** Try again what has failed for one cause: of a run, or of all runs of a workflow. */
export function RetryOf({
  subject,
  name,
  cause,
}: {
  subject: "run" | "workflow";
  name: string;
  cause: Cause;
}): ReactElement | null {
  const { step, state, error_class, rule } = cause;
  if (state !== "failed" && state !== "quarantined") return null;
  const which = {
    subject,
    name,
    step,
    state: state as "failed" | "quarantined",
    error_class,
    rule,
  };
  const options = [
    `--step ${step}`,
    `--state ${state}`,
    error_class && `--error-class ${error_class}`,
    rule && `--rule ${rule}`,
  ];
  return (
    <Act
      label="Retry"
      title={`Retry in ${step}`}
      needs="operate"
      command={`wave retry ${subject} ${name} ${options.filter(Boolean).join(" ")}`}
      look={() => lookAtRetry(which)}
    />
  );
}

async function lookAtCancel(run: string): Promise<Looked> {
  const about = { subject: "run" as const, name: run };
  const { unfinished, total } = await post("/api/v1/cancel/preview", about);
  return {
    says: total ? (
      <>
        {counted(total, "interaction")} would end without a result. This is not taken back.
        <Counts of={unfinished.map(({ step, state, n }) => [n, `${step}, ${state}`])} />
      </>
    ) : (
      "Nothing of it is unfinished."
    ),
    total,
    act: async ({ key }) => {
      const { cancelled } = await post("/api/v1/cancel", { ...about, expect: total }, { key });
      return `${counted(cancelled ?? 0, "interaction")} cancelled`;
    },
  };
}

async function lookAtRetry(which: Omit<Documents["Which"], "record"> & { record?: string | null }): Promise<Looked> {
  const { broken, total, mark } = await post("/api/v1/retry/preview", which as Documents["Which"]);
  return {
    says: total ? (
      <>
        {counted(total, "interaction")} would be tried again.
        <Counts
          of={broken.map(({ step, state, error_class, rule, n }) => [
            n,
            `${step}, ${state}: ${rule ?? error_class ?? "no reason"}`,
          ])}
        />
      </>
    ) : (
      "Nothing of it can be tried again."
    ),
    total,
    act: async ({ key }) => {
      const { retried } = await post("/api/v1/retry", { ...which, mark } as Documents["Retry"], { key });
      return `${counted(retried ?? 0, "interaction")} to be tried again`;
    },
  };
}
