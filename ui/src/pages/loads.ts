import type { Documents } from "../api/ask";

type Wave = Documents["ListedWave"];

/** The first wave of each visit for which the model had to be brought into memory. */
export function loadsOf(rows: Pick<Wave, "wave_id" | "visit_id" | "loaded">[]): Set<string> {
  const first = new Map<string, string>();
  for (const { wave_id, visit_id, loaded } of rows) {
    if (!loaded || visit_id === null) continue;
    const known = first.get(visit_id);
    if (known === undefined || BigInt(wave_id) < BigInt(known)) first.set(visit_id, wave_id);
  }
  return new Set(first.values());
}
