/** The address of each page, and what of it the address holds. Only this writes the address. */

import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { ROOT } from "./api/ask";
import { Overview } from "./pages/overview";
import { Shell } from "./shell";

type Given = Record<string, unknown>;
const text = (value: unknown): string | undefined => (value === undefined || value === "" ? undefined : String(value));
const only =
  (...names: string[]) =>
  (given: Given): Record<string, string | undefined> =>
    Object.fromEntries(names.map((name) => [name, text(given[name])]));

const root = createRootRoute({ component: Shell, notFoundComponent: () => <p>There is no such page.</p> });
const at = { getParentRoute: () => root };

const overview = createRoute({ ...at, path: "/", component: Overview });
const runs = createRoute({
  ...at,
  path: "/runs",
  validateSearch: only("workflow", "state", "before"),
  component: lazyRouteComponent(() => import("./pages/runs"), "Runs"),
});
const run = createRoute({
  ...at,
  path: "/runs/$run",
  validateSearch: only("tab", "from"),
  component: lazyRouteComponent(() => import("./pages/run"), "Run"),
});
const interactions = createRoute({
  ...at,
  path: "/interactions",
  validateSearch: only("run", "step", "state", "error_class", "rule", "record", "before"),
  component: lazyRouteComponent(() => import("./pages/interactions"), "Interactions"),
});
const interaction = createRoute({
  ...at,
  path: "/interactions/$interaction",
  validateSearch: only("run"),
  component: lazyRouteComponent(() => import("./pages/interaction"), "Interaction"),
});
const record = createRoute({
  ...at,
  path: "/record",
  validateSearch: only("key", "run", "value", "at"),
  component: lazyRouteComponent(() => import("./pages/record"), "Record"),
});
const tasks = createRoute({
  ...at,
  path: "/tasks",
  validateSearch: only("queue", "whose", "after"),
  component: lazyRouteComponent(() => import("./pages/tasks"), "Tasks"),
});
const task = createRoute({
  ...at,
  path: "/tasks/$task",
  validateSearch: only("queue", "whose", "after"),
  component: lazyRouteComponent(() => import("./pages/tasks"), "Tasks"),
});
const reviews = createRoute({
  ...at,
  path: "/reviews",
  validateSearch: only("workflow", "runs"),
  component: lazyRouteComponent(() => import("./pages/reviews"), "Reviews"),
});
const actors = createRoute({
  ...at,
  path: "/actors",
  component: lazyRouteComponent(() => import("./pages/actors"), "Actors"),
});
const workflow = createRoute({
  ...at,
  path: "/workflows/$workflow",
  validateSearch: only("a", "b"),
  component: lazyRouteComponent(() => import("./pages/workflow"), "Workflow"),
});
const staging = createRoute({
  ...at,
  path: "/staging",
  component: lazyRouteComponent(() => import("./pages/staging"), "Staging"),
});
const runners = createRoute({
  ...at,
  path: "/runners",
  component: lazyRouteComponent(() => import("./pages/runners"), "Runners"),
});
const errors = createRoute({
  ...at,
  path: "/errors",
  validateSearch: only("workflow", "runs"),
  component: lazyRouteComponent(() => import("./pages/errors"), "Errors"),
});
const compare = createRoute({
  ...at,
  path: "/compare",
  validateSearch: only("a", "b", "step"),
  component: lazyRouteComponent(() => import("./pages/compare"), "Compare"),
});
const settings = createRoute({
  ...at,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/settings"), "Settings"),
});
const waves = createRoute({
  ...at,
  path: "/waves",
  validateSearch: only("before"),
  component: lazyRouteComponent(() => import("./pages/waves"), "Waves"),
});
const audit = createRoute({
  ...at,
  path: "/audit",
  component: lazyRouteComponent(() => import("./pages/audit"), "Audit"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    overview,
    runs,
    run,
    interactions,
    interaction,
    record,
    errors,
    compare,
    tasks,
    task,
    reviews,
    actors,
    workflow,
    staging,
    waves,
    runners,
    audit,
    settings,
  ]),
  basepath: ROOT.pathname.replace(/\/$/, "") || "/",
  // What is in an address is text as it is: a key that looks like a number stays a key.
  parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search) => {
    const given = Object.entries(search).filter(([, value]) => value !== undefined && value !== "");
    return given.length
      ? `?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]))}`
      : "";
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
