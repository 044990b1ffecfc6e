/** One stream of changes for all tabs of a browser: it allows six connections to a server, and a stream keeps one. */

import { type Change, follow } from "./stream";

const ports = new Set<MessagePort>();
let end: (() => void) | null = null;
let state = "reconnecting";

function tell(said: { state: string } | { change: Change }): void {
  if ("state" in said) state = said.state;
  for (const port of ports) port.postMessage(said);
}

(self as unknown as SharedWorkerGlobalScope).onconnect = ({ ports: [port] }) => {
  if (!port) return;
  port.onmessage = ({ data }: MessageEvent<{ url?: string; bye?: true }>) => {
    if (data.bye) {
      ports.delete(port);
      if (!ports.size) {
        end?.();
        end = null;
        state = "reconnecting";
      }
    } else if (data.url) {
      ports.add(port);
      port.postMessage({ state });
      end ??= follow(data.url, tell);
    }
  };
};
