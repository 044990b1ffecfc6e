/** What a view is made of, and whether it can be one. */

import type { Documents } from "../api/ask";

export type SavedView = Documents["SavedView"];
type Given = Record<string, string | undefined>;

/** What narrows a list: words that say something. */
export function narrowed(filter: Given): Record<string, string> {
  return Object.fromEntries(Object.entries(filter).filter((one): one is [string, string] => !!one[1]));
}

export function isSame(a: Given, b: Given): boolean {
  const [left, right] = [narrowed(a), narrowed(b)];
  const words = Object.keys(left);
  return words.length === Object.keys(right).length && words.every((word) => left[word] === right[word]);
}

/** Why a list can be saved as no view; nothing where it can. */
export function whyNot(filter: Given): string | undefined {
  if (filter.record) return "show more than one record; of one, send the address of this page";
  return Object.keys(narrowed(filter)).length ? undefined : "narrow the list first";
}

/** What a list is narrowed by, for people. */
export function said(filter: Given): string {
  return Object.entries(narrowed(filter))
    .map(([word, value]) => `${word.replaceAll("_", " ")} ${value}`)
    .join(", ");
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The command that saves the same. */
export function saveCommand(name: string, page: string, filter: Given): string {
  return `wave views save ${quoted(name)} ${quoted(`${page}?${new URLSearchParams(narrowed(filter))}`)}`;
}
