/** What differs between two texts, word by word. */

export type Part = { kind: "same" | "gone" | "new"; text: string };

/** More words than this on each side, and what lies between their common ends is one difference. */
const MOST = 1000;

export function difference(before: string, after: string): Part[] {
  const [a, b] = [words(before), words(after)];
  let [first, lastA, lastB] = [0, a.length, b.length];
  while (first < lastA && first < lastB && a[first] === b[first]) first++;
  while (lastA > first && lastB > first && a[lastA - 1] === b[lastB - 1]) {
    lastA--;
    lastB--;
  }
  const parts: Part[] = [];
  say(parts, "same", a.slice(0, first));
  between(parts, a.slice(first, lastA), b.slice(first, lastB));
  say(parts, "same", a.slice(lastA));
  return parts;
}

/** Each word with the space behind it, so that all of them together are the text. */
const words = (text: string): string[] => text.match(/\s+|\S+\s*/g) ?? [];

function say(parts: Part[], kind: Part["kind"], said: string[]): void {
  const text = said.join("");
  const last = parts.at(-1);
  if (!text) return;
  if (last?.kind === kind) last.text += text;
  else parts.push({ kind, text });
}

function between(parts: Part[], a: string[], b: string[]): void {
  if (!a.length || !b.length || a.length > MOST || b.length > MOST) {
    say(parts, "gone", a);
    say(parts, "new", b);
    return;
  }
  const common = lengths(a, b);
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      say(parts, "same", [a[i++] as string]);
      j++;
    } else if (j >= b.length || (i < a.length && at(common, i + 1, j) >= at(common, i, j + 1)))
      say(parts, "gone", [a[i++] as string]);
    else say(parts, "new", [b[j++] as string]);
  }
}

const at = (common: Uint16Array[], i: number, j: number): number => common[i]?.[j] ?? 0;

/** How many words the ends of both texts have in common, from each place on. */
function lengths(a: string[], b: string[]): Uint16Array[] {
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      (common[i] as Uint16Array)[j] =
        a[i] === b[j] ? at(common, i + 1, j + 1) + 1 : Math.max(at(common, i + 1, j), at(common, i, j + 1));
  return common;
}
