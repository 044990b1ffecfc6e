/** How many interactions have finished in each stretch of time, as bars. */

import { Text } from "@mantine/core";
import type { ReactElement } from "react";
import type { Documents } from "../api/ask";
import { count, duration } from "./format";

const HIGH = 40;

export function Pace({ of }: { of: Documents["Throughput"] }): ReactElement | null {
  const { buckets, bucket_s, window_s, finished } = of;
  const most = Math.max(1, ...buckets.map((one) => one.finished));
  if (!finished) return null;
  const said = `${count(finished)} interactions finished in the last ${duration(window_s)}, by stretches of ${duration(bucket_s)}`;
  return (
    <figure className="pace">
      <svg
        width={buckets.length * 12}
        viewBox={`0 0 ${buckets.length * 6} ${HIGH}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={said}
      >
        {buckets.map((one, at) => {
          const high = (HIGH * one.finished) / most;
          return <rect key={one.at} x={at * 6} y={HIGH - high} width={5} height={high} />;
        })}
      </svg>
      <Text component="figcaption" size="sm" c="dimmed">
        {said}; {count(most)} at most
      </Text>
    </figure>
  );
}
