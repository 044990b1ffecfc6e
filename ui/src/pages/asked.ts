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

/** The command that lists the same. */
export function command({ run, record, before, ...rest }: Asked): string {
  const quoted = (text: string) => (/^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  const options = [...Object.entries(rest), ["record", record], ["before", before]]
    .filter(([, value]) => value)
    .map(([name, value]) => `--${name?.replace("_", "-")} ${quoted(value as string)}`);
  return ["wave report interactions", run, ...options].filter(Boolean).join(" ");
}
