/** One interaction: what went in, what came out, try by try, and what had led to it. */

import { Text } from "@mantine/core";
import { useParams, useSearch } from "@tanstack/react-router";
import type { ReactElement } from "react";
import type { Documents } from "../api/ask";
import { useDocument } from "../api/live";
import { count, duration, micros } from "../parts/format";
import {
  Command,
  Facts,
  InteractionLink,
  Json,
  Loaded,
  Page,
  RecordLink,
  Rows,
  RunLink,
  Section,
  State,
  When,
} from "../parts/shown";
import { Worked } from "./worked";

type Found = Documents["InteractionV1"];

export function Interaction(): ReactElement {
  const { interaction = "" } = useParams({ strict: false }) as { interaction?: string };
  const { run } = useSearch({ strict: false }) as { run?: string };
  const query = useDocument({
    path: "/api/v1/interactions/{interaction_id}",
    parts: { interaction_id: interaction, run },
    watch: { kinds: ["interaction", "task", "run", "payload"], run },
  });
  const one = query.data?.interaction;
  return (
    <Page title={one ? `Interaction ${interaction}, ${one.step}: ${one.state}` : `Interaction ${interaction}`}>
      <Loaded query={query}>
        {(found) => (
          <>
            <Stands found={found} />
            <Section title="Attempts">
              {found.attempts.map((each) => (
                <Tried key={each.attempt} one={each} newest={each === found.attempts.at(-1)} />
              ))}
              {!found.attempts.length && <Text c="dimmed">It was not tried: {why(found)}</Text>}
            </Section>
            {found.work && (
              <Section title="What it did its work with">
                <Worked work={found.work} open />
              </Section>
            )}
            <Section title="What led to it">
              <Rows
                label="causes"
                rows={found.causes}
                id={(each) => each.event}
                none="Nothing: no event is recorded yet."
                columns={[
                  { name: "event", of: (each) => <EventLink of={each.event} run={found.run_id} /> },
                  { name: "what", of: (each) => each.type.replaceAll("_", " ") },
                  { name: "step", of: (each) => each.step ?? "" },
                  { name: "when", of: (each) => <When at={each.recorded_at} /> },
                ]}
              />
            </Section>
            <details>
              <summary>{`Its events (${count(found.events.length)})`}</summary>
              <Rows
                label="events"
                rows={found.events}
                id={(each) => each.event_id}
                none="None."
                columns={[
                  { name: "event", of: (each) => `${each.interaction_id}.${each.seq}` },
                  { name: "at", of: (each) => <When at={each.recorded_at} /> },
                  { name: "type", of: (each) => each.type.replaceAll("_", " ") },
                  { name: "caused by", of: (each) => each.cause },
                  { name: "wave", of: (each) => each.wave_id ?? "" },
                  { name: "SHA-256", of: (each) => each.sha256.slice(0, 16) },
                ]}
              />
            </details>
          </>
        )}
      </Loaded>
      <Command>{`wave report interaction ${interaction}${run ? ` --run ${run}` : ""}`}</Command>
    </Page>
  );
}

function Stands({ found }: { found: Found }): ReactElement {
  const one = found.interaction;
  return (
    <Section title="How it stands">
      <Facts
        of={[
          ["state", <State key="s" of={one.state} />],
          ["record", <RecordLink key="r" record={one.key} run={found.run_id} />],
          [
            "run",
            <>
              <RunLink key="n" run={found.run_id} /> of {found.workflow}
            </>,
          ],
          ["actor", `${one.actor} (${one.kind})`],
          ["attempts", count(one.attempt)],
          ["made", <When key="c" at={one.created_at} />],
          ["ended", <When key="e" at={one.finished_at} />],
          ["waited", lasted(one.created_at, one.started_at)],
          ["took", micros(one.service_us)],
          ["tokens", `${count(one.tokens_in)} in, ${count(one.tokens_out)} out`],
          [
            "came from",
            found.parent_id ? (
              <>
                <InteractionLink key="p" id={found.parent_id} run={found.run_id} /> {found.parent_step}
              </>
            ) : (
              "the start of its run"
            ),
          ],
          ...(one.item ? [["item", count(one.item)] as [string, string]] : []),
          ...(one.iteration ? [["round", count(one.iteration + 1)] as [string, string]] : []),
        ]}
      />
      {(one.error || one.rule) && (
        <Text mt="sm">
          <State of="failed">{one.rule ?? one.error_class ?? "error"}:</State> {one.error}
        </Text>
      )}
      {found.ready_at && (
        <Text mt="sm">
          <State of="waiting">tried again</State> <When at={found.ready_at} />
        </Text>
      )}
      {!one.in_force && (
        <Text mt="sm">
          <State of="cancelled">counts no more</State>
          {found.superseded_by_id && (
            <>
              : <InteractionLink id={found.superseded_by_id} run={found.run_id} /> has taken its place
            </>
          )}
        </Text>
      )}
      {found.erased && (
        <Text mt="sm">
          <State of="cancelled">erased:</State> its input and output are gone, because two people have said so
        </Text>
      )}
    </Section>
  );
}

const lasted = (from: string, to: string | null): string =>
  to ? duration(Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000)) : "–";

const why = ({ interaction: { state } }: Found): string =>
  ["pending", "blocked"].includes(state) ? "it waits for its turn." : `it is ${state}.`;

function Tried({ one, newest }: { one: Documents["Attempt"]; newest: boolean }): ReactElement {
  const failed = one.error_class ?? one.rule;
  const ended = one.ended_by?.replace("interaction_", "").replaceAll("_", " ");
  return (
    <details open={newest}>
      <summary>
        attempt {one.attempt}:{" "}
        <State of={failed ? "failed" : one.ended_by ? "completed" : "running"}>{ended ?? "running"}</State>
        {failed && `, ${failed}`} <When at={one.ended_at ?? one.began_at} />
      </summary>
      <Facts
        of={[
          ["began", <When key="b" at={one.began_at} />],
          ["took", micros(one.service_us)],
          ["tokens", `${count(one.tokens_in)} in, ${count(one.tokens_out)} out`],
          ["cost", one.cost ? `${one.cost} ${one.currency ?? ""}` : "–"],
          ["its call", one.fate ?? "none"],
          ["wave", one.wave_id ? `${one.wave_id}${one.reason ? `: ${one.reason}` : ""}` : "–"],
        ]}
      />
      {one.evidence.map((kept) =>
        kept.text === null ? (
          <Text key={kept.role}>
            <State of="cancelled">{kept.role}: erased</State>
          </Text>
        ) : (
          <div key={kept.role}>
            <Text size="sm" fw={600}>
              {kept.role}
            </Text>
            <Json value={kept.text} label={`${kept.role} of attempt ${one.attempt}`} />
          </div>
        ),
      )}
      {!one.evidence.length && <Text c="dimmed">Nothing is kept of it but its events.</Text>}
    </details>
  );
}

/** An event, which is named by its interaction. */
function EventLink({ of, run }: { of: string; run: string }): ReactElement {
  const [id = ""] = of.split(".");
  return <InteractionLink id={id} run={run} says={of} />;
}
