/** What the server is asked, and what it answers: documents, or a problem that says what to do. */

import { read, write } from "./json";
import type { components, paths } from "./openapi";

export type Documents = components["schemas"];
type Answer<Of> = Of extends { responses: { 200: { content: { "application/json": infer Body } } } } ? Body : never;
type Get = { [Path in keyof paths]: paths[Path] extends { get: infer Of } ? Answer<Of> : never };
type Post = { [Path in keyof paths]: paths[Path] extends { post: infer Of } ? Answer<Of> : never };
type Asked<Of> = Of extends { requestBody: { content: { "application/json": infer Body } } } ? Body : undefined;
type Bodies = { [Path in keyof paths]: paths[Path] extends { post: infer Of } ? Asked<Of> : undefined };
export type Parts = Record<string, string | number | boolean | undefined>;

/** Where this server's pages begin; a proxy may have put them below a path of its own. */
export const ROOT = new URL(typeof document === "undefined" ? "http://localhost/" : document.baseURI);

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly kind: string,
    readonly detail: string,
    readonly hint: string,
  ) {
    super(detail);
  }
}

const AWAY = new Problem(
  0,
  "away",
  "the server does not answer",
  "is wave serve still at work? This page asks again by itself",
);

/** Put what is variable into a path; the rest becomes its query. */
export function address(path: string, parts: Parts = {}): string {
  const rest = new URLSearchParams();
  const filled = Object.entries(parts).reduce((made, [name, value]) => {
    if (made.includes(`{${name}}`)) return made.replace(`{${name}}`, encodeURIComponent(String(value)));
    if (value !== undefined && value !== "" && value !== false) rest.set(name, String(value));
    return made;
  }, path);
  return rest.size ? `${filled}?${rest}` : filled;
}

async function answered(path: string, how: RequestInit): Promise<unknown> {
  const answer = await fetch(new URL(path.slice(1), ROOT), how).catch(() => {
    throw AWAY;
  });
  const text = await answer.text();
  if (answer.ok) return text ? read(text) : undefined;
  if (!answer.headers.get("content-type")?.includes("json"))
    throw new Problem(answer.status, "unknown", `${answer.status} ${answer.statusText}`, "");
  const said = read(text) as Documents["Problem"];
  throw new Problem(answer.status, said.kind, said.detail, said.hint);
}

export function get<Path extends keyof paths>(path: Path, parts: Parts = {}, signal?: AbortSignal): Promise<Get[Path]> {
  return answered(address(path, parts), { signal: signal ?? null }) as Promise<Get[Path]>;
}

let csrf = "";
/** What a change must come with, as /api/v1/session has said it. */
export function sendWith(given: string | null): void {
  csrf = given ?? "";
}

/** Change something, or look at what would change. The same `key` twice is the same change. */
export function post<Path extends keyof paths>(
  path: Path,
  body: Bodies[Path],
  { parts = {}, key }: { parts?: Parts; key?: string | undefined } = {},
): Promise<Post[Path]> {
  const headers: Record<string, string> = { "X-Wave-CSRF": csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const how = { method: "POST", headers, body: body === undefined ? null : write(body) };
  return answered(address(path, parts), how) as Promise<Post[Path]>;
}

export function signIn(token: string): Promise<unknown> {
  return answered("/api/v1/session", { method: "POST", headers: { Authorization: `Bearer ${token.trim()}` } });
}

export function signOut(): Promise<unknown> {
  return answered("/api/v1/session", { method: "DELETE", headers: { "X-Wave-CSRF": csrf } });
}

/** A key for one change. `crypto.randomUUID` is there on safe addresses alone. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
