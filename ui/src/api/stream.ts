/** The stream of changes, and which documents a change concerns. */

export type Change = { run_ids: string[]; kinds: string[] };

/** What a document depends on: kinds of events, and the run that it is about, if it is about one. */
export type Watch = { kinds: readonly string[]; run?: string | undefined };

export function concerns(change: Change, watch: Watch): boolean {
  if (change.kinds.includes("*")) return true;
  if (!watch.kinds.some((kind) => kind === "*" || change.kinds.includes(kind))) return false;
  // What happens outside of every run, to an actor for instance, names no run.
  return !watch.run || !change.run_ids.length || change.run_ids.includes(watch.run);
}

export function merged(one: Change, other: Change): Change {
  return {
    run_ids: [...new Set([...one.run_ids, ...other.run_ids])],
    kinds: [...new Set([...one.kinds, ...other.kinds])],
  };
}

/** Follow the stream until the returned function is called. The browser comes again by itself, but not after a refusal. */
export function follow(url: string, tell: (said: { state: string } | { change: Change }) => void): () => void {
  let source: EventSource | null = null;
  let again: ReturnType<typeof setTimeout> | undefined;
  const open = () => {
    source = new EventSource(url);
    source.onopen = () => tell({ state: "live" });
    source.onerror = () => {
      tell({ state: "reconnecting" });
      if (source?.readyState === EventSource.CLOSED) again = setTimeout(open, 3000 + Math.random() * 4000);
    };
    source.addEventListener("changes", (event) => tell({ change: JSON.parse((event as MessageEvent<string>).data) }));
  };
  open();
  return () => {
    clearTimeout(again);
    source?.close();
  };
}
