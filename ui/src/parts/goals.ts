/** What can be gone to by what somebody has typed. */

import type { SavedView } from "./view";

export type Goal = { says: string; to: string; params?: Record<string, string>; search?: Record<string, string> };
type Place = { to: string; name: string; says: string };
type Seen = Pick<SavedView, "page" | "name" | "filter">;

export function goals(places: readonly Place[], views: readonly Seen[], typed: string): Goal[] {
  const text = typed.trim();
  const like = text.toLowerCase();
  const pages = places
    .filter(({ name, says }) => `${name} ${says}`.toLowerCase().includes(like))
    .map(({ name, says, to }) => ({ says: `${name}: ${says}`, to }));
  const saved = views
    .filter(({ name }) => name.toLowerCase().includes(like))
    .map(({ page, name, filter }) => ({ says: `view of ${page}: ${name}`, to: `/${page}`, search: filter }));
  if (!text) return pages;
  const number = /^\d{1,18}$/.test(text);
  return [
    ...(number ? [{ says: `run ${text}`, to: "/runs/$run", params: { run: text } }] : []),
    ...(number ? [{ says: `task ${text}`, to: "/tasks/$task", params: { task: text } }] : []),
    ...saved,
    ...pages,
    { says: `the record ${text}`, to: "/record", search: { key: text } },
  ];
}
