/** JSON that keeps whole numbers: one that a double cannot hold is read as a bigint, and written as it was. */

type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;
const exact: Reviver = (_, value, context) =>
  typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
    ? BigInt(context?.source ?? "0")
    : value;

export function read(text: string): unknown {
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
}

export function write(value: unknown, indent?: number): string {
  const raw = (JSON as unknown as { rawJSON?: (text: string) => unknown }).rawJSON;
  return JSON.stringify(
    value,
    (_, one) => (typeof one === "bigint" ? (raw?.(String(one)) ?? String(one)) : one),
    indent,
  );
}
