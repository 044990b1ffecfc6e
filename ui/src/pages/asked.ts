/** What a list of interactions is asked for. */

export type Filter = Partial<Record<"run" | "step" | "state" | "error_class" | "rule" | "record", string>>;
export type Asked = Filter & { before?: string };

const OF_CAUSE: Record<string, string> = { retrying: "pending", doubted: "completed" };
type Cause = { step: string; state: string; error_class: string | null; rule: string | null };

/** What the list is asked for, to have those that a cause of errors counts. */
export function interactionsLike(run: string, { step, state, error_class, rule }: Cause): Asked {
  return {
    run,
    step,
    state: OF_CAUSE[state] ?? state,
    ...(error_class ? { error_class } : {}),
    ...(rule ? { rule } : {}),
  };
}

const quoted = (text: string) => (/^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** The command that lists the same. */
export function command({ run, record, before, ...rest }: Asked): string {
  return ["wave report interactions", run, ...options({ ...rest, record, before })].filter(Boolean).join(" ");
}

/** The command that gives the same order about all that match, or about these. */
export function pickCommand(order: string, run: string, { run: _, record, ...rest }: Filter, ids: string[]): string {
  const each = ids.map((id) => `--interaction ${id}`);
  return [`wave pick ${order} ${run}`, ...options({ ...rest, record }), ...each].join(" ");
}

function options(of: Record<string, string | undefined>): string[] {
  return Object.entries(of)
    .filter(([, value]) => value)
    .map(([name, value]) => `--${name.replace("_", "-")} ${quoted(value as string)}`);
}
