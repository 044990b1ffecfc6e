/** What an interaction did its work with. */

import { Text } from "@mantine/core";
import type { ReactElement } from "react";
import type { Documents } from "../api/ask";
import { count, micros } from "../parts/format";
import { Facts, Json, State, When } from "../parts/shown";

export function Worked({ work, open = false }: { work: Documents["Work"]; open?: boolean }): ReactElement {
  return (
    <details open={open}>
      <summary>
        {work.step}: <State of={work.state} /> by {work.actor} ({work.kind}), attempt {work.attempt}
        {work.model ? `, ${work.model.model} on ${work.model.server}` : ""}
      </summary>
      <Facts
        of={[
          ["done", <When key="w" at={work.finished_at} />],
          ["took", micros(work.service_us)],
          ["tokens", `${count(work.tokens_in)} in, ${count(work.tokens_out)} out`],
          ["cost", work.cost ? `${work.cost} ${work.currency ?? ""}` : "–"],
          [
            "approved",
            work.approved ? (
              <>
                <When key="a" at={work.approved.approved_at} /> by {work.approved.approved_by}
              </>
            ) : (
              "–"
            ),
          ],
          ["definition", work.definition],
        ]}
      />
      {work.decisions.map((one) => (
        <Text key={`${one.person} ${one.decided_at}`}>
          {one.person} has decided <When at={one.decided_at} />
          {one.comment && `: ${one.comment}`}
        </Text>
      ))}
      {work.rendered && <Json value={work.rendered} label="what was asked" />}
      {work.answer && <Json value={work.answer} label="what was answered" />}
      <Json value={work.input} label="input" />
      <Json value={work.output} label="output" />
      {work.missing.map((one) => (
        <Text key={one}>
          <State of="failed">missing:</State> {one}
        </Text>
      ))}
    </details>
  );
}
