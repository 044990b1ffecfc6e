/** Documents that stay true: they are asked for anew when what they show has changed. */

import {
  keepPreviousData,
  type QueryClient,
  type UseQueryResult,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { createContext, type ReactElement, type ReactNode, useContext, useEffect, useState } from "react";
import { get, type Parts, type Problem, ROOT } from "./ask";
import type { paths } from "./openapi";
import { type Change, concerns, follow, merged, type Watch } from "./stream";

export type Liveness = "live" | "reconnecting" | "paused";
type Live = { state: Liveness; pause: () => void };
const Context = createContext<Live>({ state: "reconnecting", pause: () => {} });
const EVERYTHING: Change = { run_ids: [], kinds: ["*"] };
const STREAM = new URL("api/v1/changes", ROOT).href;
const SETTLE_MS = 1000;

export const useLive = (): Live => useContext(Context);

export function LiveProvider({ children }: { children: ReactNode }): ReactElement {
  const client = useQueryClient();
  const [told, setTold] = useState<"live" | "reconnecting">("reconnecting");
  const [paused, setPaused] = useState(false);

  useEffect(() => {
    if (paused) return;
    const heard = coalesced((change) => refresh(client, change));
    const end = listen((said) => {
      if ("change" in said) heard.add(said.change);
      else {
        setTold(said.state as "live" | "reconnecting");
        if (said.state === "live") heard.add(EVERYTHING); // nobody has told what changed meanwhile
      }
    });
    return () => {
      end();
      heard.end();
    };
  }, [client, paused]);

  const live = { state: paused ? ("paused" as const) : told, pause: () => setPaused((before) => !before) };
  return <Context.Provider value={live}>{children}</Context.Provider>;
}

function refresh(client: QueryClient, change: Change): void {
  void client.invalidateQueries({
    predicate: ({ meta }) => meta?.watch !== undefined && concerns(change, meta.watch as Watch),
  });
}

/** Gather changes, and pass them on together once a second at most: a page that follows every event does nothing else. */
function coalesced(pass: (change: Change) => void): { add: (change: Change) => void; end: () => void } {
  let waiting: Change | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    add: (change) => {
      waiting = waiting ? merged(waiting, change) : change;
      timer ??= setTimeout(() => {
        timer = undefined;
        if (waiting) pass(waiting);
        waiting = null;
      }, SETTLE_MS);
    },
    end: () => clearTimeout(timer),
  };
}

type Said = { state: string } | { change: Change };

function listen(tell: (said: Said) => void): () => void {
  if (typeof SharedWorker === "undefined") return follow(STREAM, tell);
  const worker = new SharedWorker(new URL("./live.worker.ts", import.meta.url), {
    type: "module",
    name: "wave-changes",
  });
  const hello = () => worker.port.postMessage({ url: STREAM });
  const bye = () => worker.port.postMessage({ bye: true });
  const shown = (event: PageTransitionEvent) => event.persisted && hello();
  worker.port.onmessage = ({ data }: MessageEvent<Said>) => tell(data);
  hello();
  addEventListener("pagehide", bye);
  addEventListener("pageshow", shown);
  return () => {
    bye();
    removeEventListener("pagehide", bye);
    removeEventListener("pageshow", shown);
  };
}

type Options<Path extends keyof paths> = {
  watch: Watch;
  /** Ask again after so long even where no event tells of it: heartbeats and clocks are no events. */
  every?: number;
  enabled?: boolean;
  path: Path;
  parts?: Parts;
  /** Show what was there before while the next is asked for; of a list, not of a thing that would stand under another's name. */
  keep?: boolean;
};

export function useDocument<Path extends keyof paths>({
  path,
  parts = {},
  watch,
  every,
  enabled = true,
  keep = false,
}: Options<Path>): UseQueryResult<Awaited<ReturnType<typeof get<Path>>>, Problem> {
  const { state } = useLive();
  const interval = state === "paused" ? false : state === "live" ? (every ?? false) : Math.min(every ?? 5000, 5000);
  return useQuery({
    queryKey: [path, parts],
    queryFn: ({ signal }) => get(path, parts, signal),
    meta: { watch },
    refetchInterval: interval,
    refetchOnWindowFocus: state !== "paused",
    refetchOnReconnect: state !== "paused",
    ...(keep ? { placeholderData: keepPreviousData } : {}),
    enabled,
  }) as UseQueryResult<Awaited<ReturnType<typeof get<Path>>>, Problem>;
}
