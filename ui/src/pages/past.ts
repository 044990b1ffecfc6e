/** How a record stood after one of its events: read from its trace, and from what is known of its values. */

import type { Documents } from "../api/ask";

type Event = Documents["Event"];
type Writer = Documents["Writer"];
type Explained = Pick<Documents["Explanation"], "now" | "writer" | "earlier">;
export type Stood = { interaction_id: string; step: string; actor: string; state: string; since: string };
export type Was = { value: unknown; writer: Writer | null; erased: boolean };

/** Where an event leaves its interaction; any other leaves it where it is. The same as of the projection. */
export const AFTER: Record<string, string> = {
  interaction_started: "running",
  interaction_completed: "completed",
  interaction_failed: "failed",
  interaction_quarantined: "quarantined",
  interaction_retry_scheduled: "pending",
  interaction_released: "pending",
  interaction_lease_expired: "pending",
  interaction_unblocked: "pending",
  interaction_skipped: "skipped",
  interaction_cancelled: "cancelled",
  interaction_retried: "pending",
  interaction_waiting: "waiting",
  interaction_invalidated: "invalidated",
};

/** The record's own events in the order in which they were written; those of one moment stay as they come. */
export function inOrder(events: Event[]): Event[] {
  return events.filter(({ own }) => own).sort((a, b) => compare(a.recorded_at, b.recorded_at));
}

/** The events up to one of them; all of them where it is none of these. */
export function upTo(events: Event[], last: string | undefined): Event[] {
  const at = events.findIndex(({ event_id }) => event_id === last);
  return at < 0 ? events : events.slice(0, at + 1);
}

/** How each interaction stood after these events, in the order in which they began. */
export function stood(events: Event[]): Stood[] {
  const found = new Map<string, Stood>();
  for (const { interaction_id, step, actor, type, recorded_at } of events) {
    const state = AFTER[type];
    if (!state) continue;
    const before = found.get(interaction_id);
    found.set(interaction_id, {
      interaction_id,
      step: step ?? before?.step ?? "",
      actor: actor ?? before?.actor ?? "",
      state,
      since: recorded_at,
    });
  }
  return [...found.values()];
}

/** What a value was after `past`, of all these `events`: what was written last by then; null where nothing was. */
export function valueThen({ now, writer, earlier }: Explained, events: Event[], past: Event[]): Was | null {
  const done = (some: Event[]) =>
    new Set(some.filter(({ type }) => type === "interaction_completed").map(({ interaction_id }) => interaction_id));
  const [ours, then] = [done(events), done(past)];
  const last = past.at(-1)?.recorded_at ?? "";
  // A value and the event that tells of it are of one transaction, whichever of them has the earlier time.
  const known = (by: Writer | null) =>
    !by || (ours.has(by.interaction_id) ? then.has(by.interaction_id) : compare(by.written_at, last) <= 0);
  const newest = [...earlier].sort((a, b) => compare(b.replaced_at, a.replaced_at));
  const all: Was[] = [{ value: now, writer, erased: false }, ...newest];
  return all.find((one) => known(one.writer)) ?? null;
}

/** Moments of one form in one zone: longer ones have fractions of a second, which no number here could hold. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
