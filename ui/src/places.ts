/** The pages that are in the navigation, in its order; `key` follows a `g`. The server's list has the same addresses. */

export const PLACES = [
  { to: "/", name: "Overview", says: "what runs, what is wrong, what to do", key: "o" },
  { to: "/runs", name: "Runs", says: "each run and how it stands", key: "r" },
  { to: "/interactions", name: "Interactions", says: "which pieces of work are like that", key: "i" },
  { to: "/record", name: "Record", says: "where a value comes from", key: "d" },
  { to: "/errors", name: "Errors", says: "what goes wrong, by its cause", key: "e" },
  { to: "/compare", name: "Compare", says: "two runs, record by record", key: "x" },
  { to: "/tasks", name: "Tasks", says: "what waits for people", key: "t" },
  { to: "/reviews", name: "Reviews", says: "whether people keep up and agree", key: "v" },
  { to: "/actors", name: "Actors", says: "what is approved, what has drifted", key: "c" },
  { to: "/staging", name: "Staging", says: "rows that were fetched", key: "s" },
  { to: "/waves", name: "Waves", says: "what models do now, and why", key: "w" },
  { to: "/runners", name: "Runners and servers", says: "who works, and why not", key: "n" },
  { to: "/audit", name: "Audit", says: "the sealed log", key: "a" },
  { to: "/settings", name: "Settings", says: "who you are, saved views", key: "," },
] as const;

export const DETAILS = ["/runs/$run", "/tasks/$task", "/interactions/$interaction", "/workflows/$workflow"] as const;
