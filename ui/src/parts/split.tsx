/** Two parts of a page beside each other, with what is between them to be moved. On narrow screens one is below the other. */

import { type KeyboardEvent, type PointerEvent, type ReactElement, type ReactNode, useState } from "react";

const KEPT = "wave-split";
const [LEAST, MOST, STEP] = [25, 75, 5];

/** What this browser has kept; where it keeps nothing, the middle. */
function kept(): number {
  try {
    const share = Number(localStorage.getItem(KEPT) ?? 50);
    return share >= LEAST && share <= MOST ? share : 50;
  } catch {
    return 50;
  }
}

export function Split({ left, right }: { left: ReactNode; right: ReactNode }): ReactElement {
  const [share, setShare] = useState(kept);
  const put = (wanted: number) => {
    const next = Math.round(Math.min(MOST, Math.max(LEAST, wanted)));
    setShare(next);
    try {
      localStorage.setItem(KEPT, String(next));
    } catch {
      // A browser that keeps nothing shows the middle the next time.
    }
  };
  const keyed = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    put(share + by);
  };
  const moved = (event: PointerEvent<HTMLElement>) => {
    const whole = event.currentTarget.parentElement?.getBoundingClientRect();
    if (!whole || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    put((100 * (event.clientX - whole.left)) / whole.width);
  };
  return (
    <div className="split" style={{ "--left": `${share}fr`, "--right": `${100 - share}fr` } as React.CSSProperties}>
      <div>{left}</div>
      {/* biome-ignore lint/a11y/useSemanticElements: a line that is moved is no <hr> */}
      <div
        className="split-line"
        role="separator"
        tabIndex={0}
        aria-orientation="vertical"
        aria-label="how wide the source is"
        aria-valuenow={share}
        aria-valuemin={LEAST}
        aria-valuemax={MOST}
        onKeyDown={keyed}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={moved}
      />
      <div>{right}</div>
    </div>
  );
}
