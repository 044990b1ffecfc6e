/** How values are written. */

const UNITS: [number, string][] = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
];

/** A length of time in its two largest units: 2 h 5 min. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null) return "–";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.floor(seconds)} s`;
  const at = UNITS.findIndex(([size]) => seconds >= size);
  const [size, name] = UNITS[at] ?? [60, "min"];
  const [below, small] = UNITS[at + 1] ?? [1, "s"];
  const rest = Math.floor((seconds % size) / below);
  return `${Math.floor(seconds / size)} ${name}${rest ? ` ${rest} ${small}` : ""}`;
}

export const micros = (us: number | null | undefined): string => duration(us == null ? null : us / 1e6);

export function count(n: number | null | undefined): string {
  return n == null ? "–" : n.toLocaleString("en");
}

export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export function percent(n: number | null | undefined): string {
  return n == null ? "–" : `${n % 1 ? n.toFixed(1) : n} %`;
}

/** How long ago, by this browser's clock; the exact moment stands beside it. */
export function ago(moment: string, now = Date.now()): string {
  const seconds = (now - Date.parse(moment)) / 1000;
  if (Math.abs(seconds) < 5) return "now";
  return seconds < 0 ? `in ${duration(-seconds)}` : `${duration(Math.floor(seconds))} ago`;
}

/** A part of a whole in percent; of nothing it is nothing. */
export const share = (part: number, whole: number): number => (whole ? (100 * part) / whole : 0);
