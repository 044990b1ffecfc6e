/** A form from a JSON Schema. The server alone decides whether an answer fits; this gives each field its place. */

import { read, write } from "../api/json";

export type Schema = { [word: string]: unknown };
export type Kind = "text" | "long" | "number" | "boolean" | "choice" | "choices" | "json";
export type Field = {
  name: string;
  label: string;
  says: string;
  kind: Kind;
  required: boolean;
  nullable: boolean;
  /** What can be chosen, each as JSON text. */
  options: string[];
  /** Where in what is shown stands the quote that the field goes by: a JSON pointer, `x-ui: {evidence: …}`. */
  evidence: string;
  schema: Schema;
};
export type Values = Record<string, string | boolean | string[]>;
export type Problems = Record<string, string>;

const LONG = 200;

export function fields(form: unknown): Field[] {
  const root = asSchema(form);
  const whole = resolved(root, root);
  const required = new Set(Array.isArray(whole.required) ? whole.required : []);
  return Object.entries(asSchema(whole.properties)).map(([name, given]) => {
    const { schema, nullable } = withoutNull(resolved(asSchema(given), root), root);
    const { kind, options } = kindOf(schema, root);
    const label = typeof schema.title === "string" ? schema.title : name.replaceAll("_", " ");
    const says = typeof schema.description === "string" ? schema.description : "";
    const { evidence: pointer } = asSchema(asSchema(given)["x-ui"]);
    const evidence = typeof pointer === "string" ? pointer : "";
    return { name, label, says, kind, options, evidence, required: required.has(name), nullable, schema };
  });
}

function asSchema(value: unknown): Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Schema) : {};
}

/** The quote that a field goes by; "" where it has none, or there is none. */
export function quoteOf(field: Field | undefined, input: Record<string, unknown>): string {
  if (!field?.evidence.startsWith("/")) return "";
  const found = steps(field.evidence).reduce<unknown>((at, part) => asSchema(at)[part], input);
  return typeof found === "string" ? found.trim() : "";
}

/** The names that a JSON pointer leads by. */
const steps = (pointer: string): string[] =>
  pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));

/** Follow `$ref`s within the document, a few at most: one may lead back to itself. */
function resolved(schema: Schema, root: Schema, left = 8): Schema {
  const ref = schema.$ref;
  if (typeof ref !== "string" || !ref.startsWith("#/") || !left) return schema;
  const found = steps(ref.slice(1)).reduce<unknown>((at, part) => asSchema(at)[part], root);
  return resolved(
    { ...asSchema(found), ...Object.fromEntries(Object.entries(schema).filter(([word]) => word !== "$ref")) },
    root,
    left - 1,
  );
}

function withoutNull(schema: Schema, root: Schema): { schema: Schema; nullable: boolean } {
  const any = Array.isArray(schema.anyOf) ? schema.anyOf.map((one) => resolved(asSchema(one), root)) : [];
  const others = any.filter((one) => one.type !== "null");
  if (any.length > others.length && others.length === 1) {
    const { anyOf: _, ...rest } = schema;
    return { schema: { ...others[0], ...rest }, nullable: true };
  }
  if (Array.isArray(schema.type) && schema.type.includes("null")) {
    const types = schema.type.filter((one) => one !== "null");
    return { schema: { ...schema, type: types.length === 1 ? types[0] : types }, nullable: true };
  }
  return { schema, nullable: false };
}

function kindOf(schema: Schema, root: Schema): { kind: Kind; options: string[] } {
  const chosen = "const" in schema ? [schema.const] : schema.enum;
  if (Array.isArray(chosen))
    return { kind: "choice", options: chosen.filter((one) => one !== null).map((one) => write(one)) };
  if (schema.type === "boolean") return { kind: "boolean", options: [] };
  if (schema.type === "number" || schema.type === "integer") return { kind: "number", options: [] };
  if (schema.type === "string") return { kind: Number(schema.maxLength ?? 0) > LONG ? "long" : "text", options: [] };
  if (schema.type === "array") {
    const items = resolved(asSchema(schema.items), root);
    if (Array.isArray(items.enum)) return { kind: "choices", options: items.enum.map((one) => write(one)) };
  }
  return { kind: "json", options: [] };
}

/** What stands in the fields: of a draft, else what the schema has as default. */
export function filled(form: Field[], draft: Record<string, unknown> | null | undefined): Values {
  return Object.fromEntries(
    form.map((field) => [field.name, shown(field, draft ? draft[field.name] : field.schema.default)]),
  );
}

function shown(field: Field, value: unknown): string | boolean | string[] {
  if (field.kind === "boolean") return value === true;
  if (field.kind === "choices") return Array.isArray(value) ? value.map((one) => write(one)) : [];
  if (value === undefined || value === null) return "";
  return field.kind === "text" || field.kind === "long" ? String(value) : write(value);
}

/** The answer that the fields give, and what is wrong with those that give none. */
export function answered(form: Field[], values: Values): { answer: Record<string, unknown>; problems: Problems } {
  const answer: Record<string, unknown> = {};
  const problems: Problems = {};
  for (const field of form) {
    const value = values[field.name] ?? "";
    if (typeof value === "boolean") answer[field.name] = value;
    else if (Array.isArray(value)) {
      if (value.length || field.required) answer[field.name] = value.map(read);
    } else if (
      value === "" &&
      ((field.kind !== "text" && field.kind !== "long") || !field.required || field.nullable)
    ) {
      if (field.required && field.nullable) answer[field.name] = null;
      else if (field.required) problems[field.name] = field.kind === "choice" ? "choose one" : "this is needed";
    } else parsed(field, value, answer, problems);
  }
  return { answer, problems };
}

function parsed(field: Field, value: string, answer: Record<string, unknown>, problems: Problems): void {
  if (field.kind === "text" || field.kind === "long") {
    answer[field.name] = value;
    return;
  }
  if (field.kind === "number" && !/^\s*-?\d+(\.\d+)?([eE][+-]?\d+)?\s*$/.test(value)) {
    problems[field.name] = "this is not a number";
    return;
  }
  try {
    answer[field.name] = read(value);
  } catch {
    problems[field.name] = "this is not JSON";
  }
}
