/** What each state means to who looks: a tone, and a sign that is there without colours too. */

export type Tone = "good" | "bad" | "busy" | "wait" | "off";

const TONES: Record<string, Tone> = {
  ...of("good", "completed complete active promoted updated closed heard admin intact approved"),
  ...of("bad", "failed quarantined broken rejected drifted gone open stopped silent incomplete overdue refused"),
  ...of("busy", "running pending new half_open started claimed"),
  ...of("wait", "waiting paused blocked held live ended draining"),
};
export const SIGNS: Record<Tone, string> = { good: "✓", bad: "✕", busy: "▶", wait: "◷", off: "–" };

function of(tone: Tone, names: string): Record<string, Tone> {
  return Object.fromEntries(names.split(" ").map((name) => [name, tone]));
}

export function tone(state: string): Tone {
  return TONES[state] ?? "off";
}
