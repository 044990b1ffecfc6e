/** The pages that are in the navigation, in its order; `key` follows a `g`. The server's list has the same addresses. */

export const PLACES = [
  { to: "/", name: "Overview", says: "what runs, what is wrong, what to do", key: "o" },
  { to: "/runs", name: "Runs", says: "each run and how it stands", key: "r" },
  { to: "/record", name: "Record", says: "where a value comes from", key: "d" },
  { to: "/tasks", name: "Tasks", says: "what waits for people", key: "t" },
  { to: "/actors", name: "Actors", says: "what is approved, what has drifted", key: "c" },
  { to: "/staging", name: "Staging", says: "rows that were fetched", key: "s" },
  { to: "/runners", name: "Runners and servers", says: "who works, and why not", key: "n" },
  { to: "/audit", name: "Audit", says: "the sealed log", key: "a" },
] as const;

export const DETAILS = ["/runs/$run", "/tasks/$task"] as const;
