/** The workflow of a run as a picture: its steps, how much of each is done, and every way between them. */

import { Box } from "@mantine/core";
import type { ReactElement } from "react";
import type { Documents } from "../api/ask";
import { useDocument } from "../api/live";
import { count } from "../parts/format";
import { Loaded } from "../parts/shown";
import { SIGNS, tone } from "../parts/states";

type Drawn = Documents["DrawnStep"];
type States = Record<string, Record<string, number>>;
const LONGEST = 34;
const RADIUS = 14;

export function Graph({ run, steps }: { run: string; steps: Documents["Step"][] }): ReactElement {
  const query = useDocument({ path: "/api/v1/diagram", parts: { run }, watch: { kinds: ["run"], run } });
  const states = Object.fromEntries(steps.map(({ step, states }) => [step, states]));
  return (
    <Loaded query={query}>
      {({ workflow, width, height, steps: drawn, ways, end }) => (
        <Box className="graph" role="group" tabIndex={0} aria-label="the steps as a picture">
          <svg
            viewBox={`0 0 ${width} ${height + RADIUS * 2}`}
            width={width}
            role="img"
            aria-label={said(workflow, drawn, states)}
          >
            <defs>
              <marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">
                <path d="M0 0 10 5 0 10z" className="tip" />
              </marker>
            </defs>
            {ways.map((way) => (
              <g key={`${way.start} ${way.to} ${way.kind}`} className={`way way-${way.kind}`}>
                <path d={way.path} markerEnd="url(#tip)" />
                {way.label && (
                  <text x={way.x} y={way.y + 4}>
                    <title>{way.label}</title>
                    {way.label.length > LONGEST ? `${way.label.slice(0, LONGEST - 1)}…` : way.label}
                  </text>
                )}
              </g>
            ))}
            {drawn.map((step) => (
              <Step key={step.step} step={step} states={states[step.step] ?? {}} />
            ))}
            {end && (
              <g className="end">
                <circle cx={end[0]} cy={end[1]} r={RADIUS} />
                <text x={end[0]} y={(end[1] ?? 0) + RADIUS + 16}>
                  end
                </text>
              </g>
            )}
          </svg>
        </Box>
      )}
    </Loaded>
  );
}

function Step({ step, states }: { step: Drawn; states: Record<string, number> }): ReactElement {
  return (
    <g className={`step step-${step.kind}`}>
      <polygon points={step.corners.map((corner) => corner.join(",")).join(" ")} />
      <text x={step.x} y={step.y - 7} className="name">
        {step.step}
      </text>
      <text x={step.x} y={step.y + 5}>
        {step.says}
      </text>
      <text x={step.x} y={step.y + 18}>
        {Object.entries(states).map(([state, n]) => (
          <tspan key={state} className={`count-${tone(state)}`}>
            <title>{`${count(n)} ${state}`}</title>
            {` ${SIGNS[tone(state)]} ${count(n)} `}
          </tspan>
        ))}
      </text>
    </g>
  );
}

/** What the picture shows, in words; the list below it has all of it. */
function said(workflow: string, steps: Drawn[], states: States): string {
  const each = steps.map(({ step }) => {
    const counts = Object.entries(states[step] ?? {}).map(([state, n]) => `${count(n)} ${state}`);
    return `${step}: ${counts.join(", ") || "nothing yet"}`;
  });
  return `workflow ${workflow}; ${each.join("; ")}`;
}
