/** What a task shows, as texts that can be read and searched. Nothing of it is ever taken for markup or for a link. */

import { write } from "../api/json";

export type Shown = {
  name: string;
  /** What is read. */
  text: string;
  /** As it stands, where that is something else: with its markup. */
  raw: string | null;
  /** What is nested deeper than texts show is JSON. */
  json: boolean;
};

/** Only what is surely HTML is taken away; `a < b` and names in angle brackets stay. */
const TAGS =
  "a|abbr|article|b|blockquote|br|code|dd|div|dl|dt|em|font|footer|h[1-6]|header|hr|i|img|li|main|nav|ol|p|pre|section|small|span|strong|sub|sup|table|tbody|td|tfoot|th|thead|tr|u|ul";
const BLOCKS = /<\/?(?:article|blockquote|br|dd|div|dl|dt|h[1-6]|hr|li|ol|p|pre|section|table|tr|ul)\b[^>]*>/gi;
const ANY = new RegExp(`</?(?:${TAGS})\\b[^>]*>`, "gi");
const UNSEEN = /<(script|style)\b[^>]*>[\s\S]*?<\/\1\s*>|<!--[\s\S]*?-->/gi;
const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };

export function shown(input: Record<string, unknown>): Shown[] {
  return Object.entries(input).flatMap(([name, value]) => {
    const label = name.replaceAll("_", " ");
    if (isObject(value) && Object.values(value).every(isFlat))
      return Object.entries(value).map(([part, inner]) => one(`${label}: ${part.replaceAll("_", " ")}`, inner));
    return [one(label, value)];
  });
}

function one(name: string, value: unknown): Shown {
  if (!isFlat(value)) return { name, text: printable(write(value, 2)), raw: null, json: true };
  const raw = printable(Array.isArray(value) ? value.map(said).join("\n") : said(value));
  const text = readable(raw);
  return { name, text, raw: text === raw ? null : raw, json: false };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isScalar = (value: unknown): boolean => typeof value !== "object" || value === null;
const isFlat = (value: unknown): boolean => isScalar(value) || (Array.isArray(value) && value.every(isScalar));
const said = (value: unknown): string =>
  typeof value === "string" ? value : value === null ? "nothing" : write(value);

/** Characters that are not seen, or that turn the direction of what is read, are shown as one that is seen. */
export function printable(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (found) => (found === "\n" || found === "\t" ? found : "\ufffd"));
}

/** A text without its HTML: a new line for each block. What it gives is text, and is shown as text. */
export function readable(text: string): string {
  if (text.replace(ANY, "") === text) return text;
  return text
    .replace(UNSEEN, "")
    .replace(BLOCKS, "\n")
    .replace(ANY, "")
    .replace(/&(amp|lt|gt|quot|apos|nbsp);/g, (_, name: string) => ENTITIES[name] ?? "")
    .replace(/&#(\d{1,6});/g, (_, code: string) => printable(String.fromCodePoint(Number(code))))
    .replace(/[ \t]*\n[ \t]*(?:\n[ \t]*)+/g, "\n\n")
    .trim();
}

/** A text is found however its lines are broken. */
function likeThat(wanted: string): RegExp {
  const words = wanted.trim().split(/\s+/);
  return new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\s+"), "giu");
}

export type Piece = { text: string; hit: boolean };

/** A text in pieces, of which some are what is looked for, whatever its case; so many at most. */
export function pieces(text: string, wanted: string, most = 500): Piece[] {
  if (!wanted.trim()) return [{ text, hit: false }];
  const found: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(likeThat(wanted))) {
    if (found.length >= 2 * most) break;
    found.push({ text: text.slice(at, match.index), hit: false }, { text: match[0], hit: true });
    at = match.index + match[0].length;
  }
  return [...found, { text: text.slice(at), hit: false }].filter((one) => one.text !== "");
}
