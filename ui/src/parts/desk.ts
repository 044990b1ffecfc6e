/** What a reviewer leaves for later, which tasks they have looked at, and which are ticked. All are this browser's alone. */

export const SKIP_MS = 15 * 60_000;
type Skips = Record<string, number>;

const place = (person: string): string => `wave-skipped ${person}`;

function all(person: string): Skips {
  try {
    return JSON.parse(localStorage.getItem(place(person)) ?? "{}") as Skips;
  } catch {
    return {};
  }
}

function keep(person: string, skips: Skips): void {
  try {
    localStorage.setItem(place(person), JSON.stringify(skips));
  } catch {
    // A browser that keeps nothing shows what was skipped.
  }
}

/** The tasks that this person does not want to see now. */
export function skipped(person: string, now = Date.now()): number[] {
  const still = Object.entries(all(person)).filter(([, until]) => until > now);
  return still.map(([task]) => Number(task)).slice(-500);
}

export function skip(person: string, task: number, now = Date.now()): void {
  const still = Object.entries(all(person)).filter(([, until]) => until > now);
  keep(person, { ...Object.fromEntries(still), [task]: now + SKIP_MS });
}

export const unskip = (person: string): void => keep(person, {});

const trail: string[] = [];

/** A task is looked at now. */
export function visit(task: string): void {
  if (trail.at(-1) !== task) trail.push(task);
  if (trail.length > 200) trail.shift();
}

/** The task that was looked at before the one in hand. */
export function before(inHand: string | undefined): string | undefined {
  if (inHand !== undefined) {
    if (trail.length < 2) return undefined;
    trail.pop();
  }
  return trail.at(-1);
}

let ticks: ReadonlySet<number> = new Set();

/** The tasks that are ticked, as long as this page of the browser lives: the list and a task are pages of their own. */
export const ticked = (): ReadonlySet<number> => ticks;

export function tickThese(tasks: Iterable<number>): ReadonlySet<number> {
  ticks = new Set(tasks);
  return ticks;
}
