/** Waves with why each was opened then, and what each slot of a model server did in their time. */

import { Group, Text } from "@mantine/core";
import type { ReactElement, ReactNode } from "react";
import type { Documents } from "../api/ask";
import { count, duration, micros } from "../parts/format";
import { type Column, Rows, State, When } from "../parts/shown";
import { loadsOf } from "./loads";

type Wave = Documents["ListedWave"];
const HIGH = 22;
const WIDE = 1000;

const seconds = (wave: Wave): number | null =>
  wave.closed_at ? (Date.parse(wave.closed_at) - Date.parse(wave.opened_at)) / 1000 : null;

const columns: Column<Wave>[] = [
  { name: "wave", of: (wave) => wave.wave_id },
  { name: "opened", of: (wave) => <When at={wave.opened_at} /> },
  { name: "for", of: (wave) => `${wave.actor} (${wave.kind})` },
  { name: "why then", of: (wave) => wave.reason ?? "–" },
  { name: "on", of: (wave) => [wave.model, wave.server].filter(Boolean).join(" on ") || wave.host },
  { name: "done", of: (wave) => `${count(wave.done)} of ${count(wave.size)}`, right: true },
  { name: "took", of: (wave) => duration(seconds(wave)), right: true },
  {
    name: "how it ended",
    of: (wave) => (
      <State of={wave.ended_by === "wave_expired" ? "gone" : wave.closed_at ? "closed" : "running"}>
        {wave.ended_by === "wave_expired" ? "its runner was lost" : wave.closed_at ? "through" : "open"}
      </State>
    ),
  },
];

export function WaveList({ rows, none, more }: { rows: Wave[]; none: string; more: ReactNode }): ReactElement {
  return (
    <>
      <Slots rows={rows.filter((wave) => wave.server !== null)} />
      <Rows label="waves" columns={columns} rows={rows} id={(wave) => wave.wave_id} none={none} />
      {more && <Group mt="sm">{more}</Group>}
    </>
  );
}

/** One line for each slot of a model server: when it had a wave, and which model it had to load for that. */
function Slots({ rows }: { rows: Wave[] }): ReactElement | null {
  if (!rows.length) return null;
  const begins = Math.min(...rows.map((wave) => Date.parse(wave.opened_at)));
  const ends = Math.max(...rows.map((wave) => Date.parse(wave.closed_at ?? wave.opened_at)), begins + 1);
  const slots = [...new Set(rows.map((wave) => `${wave.server}, slot ${wave.slot}`))].sort();
  const models = [...new Set(rows.map((wave) => wave.model ?? wave.actor))].sort();
  const at = (moment: string) => ((Date.parse(moment) - begins) / (ends - begins)) * WIDE;
  const loads = loadsOf(rows);
  const said = `what ${count(slots.length)} slots had in hand within ${duration((ends - begins) / 1000)}: ${count(rows.length)} waves, ${count(loads.size)} loads`;
  return (
    <figure className="slots">
      {slots.map((slot) => (
        <div key={slot}>
          <Text size="sm">{slot}</Text>
          <svg viewBox={`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" role="img" aria-label={`waves of ${slot}`}>
            {rows
              .filter((wave) => `${wave.server}, slot ${wave.slot}` === slot)
              .map((wave) => {
                const from = at(wave.opened_at);
                const wide = Math.max(2, (wave.closed_at ? at(wave.closed_at) : WIDE) - from);
                const model = wave.model ?? wave.actor;
                return (
                  <g key={wave.wave_id}>
                    <title>{`wave ${wave.wave_id}, ${model}: ${wave.reason ?? ""}; ${count(wave.size)} items`}</title>
                    <rect
                      x={from}
                      y={0}
                      width={wide}
                      height={HIGH}
                      className={`slot slot-${models.indexOf(model) % 5}`}
                    />
                    {loads.has(wave.wave_id) && (
                      <rect x={from} y={0} width={Math.min(6, wide)} height={HIGH} className="load" />
                    )}
                  </g>
                );
              })}
          </svg>
        </div>
      ))}
      <Text component="figcaption" size="sm" c="dimmed">
        {said}. A dark edge is a load;{" "}
        {models.map((model, place) => (
          <span key={model}>
            <span className={`key slot-${place % 5}`} aria-hidden="true">
              ■
            </span>{" "}
            {model}{" "}
          </span>
        ))}
      </Text>
    </figure>
  );
}

export const laneColumns: Column<Documents["Lane"]>[] = [
  { name: "server", of: (lane) => lane.server },
  { name: "slot", of: (lane) => lane.slot ?? "–", right: true },
  {
    name: "state",
    of: (lane) => (
      <State of={lane.lost ? "gone" : lane.wave_id ? "running" : "waiting"}>
        {lane.lost ? "its runner was lost" : lane.wave_id ? "at work" : "idle"}
      </State>
    ),
  },
  { name: "in hand", of: (lane) => (lane.wave_id ? `wave ${lane.wave_id} of ${lane.actor}` : "nothing") },
  { name: "items", of: (lane) => count(lane.size), right: true },
  { name: "since", of: (lane) => <When at={lane.opened_at} /> },
  { name: "model asked last", of: (lane) => lane.model ?? "none" },
  { name: "asked", of: (lane) => <When at={lane.asked_at} /> },
  { name: "loaded for that in", of: (lane) => (lane.loaded ? micros(lane.load_us) : "–"), right: true },
];
