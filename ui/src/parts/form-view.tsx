import { Checkbox, Group, JsonInput, Kbd, Radio, Stack, Switch, Text, Textarea, TextInput } from "@mantine/core";
import type { KeyboardEvent, ReactElement } from "react";
import { read, write } from "../api/json";
import { word } from "./decisions";
import { difference } from "./difference";
import { answered, type Field, type Problems, type Values } from "./form";

/** What has been said of a field before: by what is shown, or by somebody. */
export type Before = Record<string, { who: string; value: unknown }[]>;

type Props = {
  form: Field[];
  values: Values;
  problems: Problems;
  before: Before;
  disabled: boolean;
  /** The field that the digits choose in. */
  numbered: Field | undefined;
  /** Whether it is shown word by word what differs from what has been said before. */
  diff?: boolean;
  change: (name: string, value: Values[string]) => void;
};

export function Form({
  form,
  values,
  problems,
  before,
  disabled,
  numbered,
  diff = false,
  change,
}: Props): ReactElement {
  const { answer } = answered(form, values);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Enter commits a field; whoever has no keyboard needs no such key
    <div onKeyDown={commit}>
      <Stack gap="md">
        {form.map((field) => (
          <div key={field.name} data-field={field.name}>
            <Input
              field={field}
              value={values[field.name] ?? ""}
              problem={problems[field.name]}
              disabled={disabled}
              numbered={field === numbered}
              change={(value) => change(field.name, value)}
            />
            <Said of={before[field.name]} now={answer[field.name]} diff={diff} />
          </div>
        ))}
      </Stack>
    </div>
  );
}

/** Enter leads on to the next field, and from the last one to the button that decides. */
function commit(event: KeyboardEvent<HTMLElement>): void {
  const from = event.target as HTMLElement;
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || !(from instanceof HTMLInputElement)) return;
  event.preventDefault();
  const form = from.closest("form");
  const places = [...(form?.querySelectorAll<HTMLElement>("[data-field]") ?? [])];
  const next = places[places.indexOf(from.closest<HTMLElement>("[data-field]") as HTMLElement) + 1];
  (next ? entry(next) : form?.querySelector<HTMLElement>("[type=submit]"))?.focus();
}

/** What is focused of a field: what is chosen, else its first. */
function entry(place: HTMLElement): HTMLElement | null {
  return place.querySelector<HTMLElement>("input:checked") ?? place.querySelector<HTMLElement>("input, textarea");
}

/** Choose the option of a field that has a number, and stay in that field. */
export function choose(
  place: HTMLElement | null,
  field: Field,
  at: number,
  now: Values[string],
): Values[string] | null {
  const option = field.options[at];
  if (option === undefined) return null;
  place?.querySelectorAll<HTMLElement>(`[data-field="${CSS.escape(field.name)}"] input`)[at]?.focus();
  if (field.kind === "choice") return option;
  const chosen = Array.isArray(now) ? now : [];
  return chosen.includes(option) ? chosen.filter((one) => one !== option) : [...chosen, option];
}

function Said({ of, now, diff }: { of: Before[string] | undefined; now: unknown; diff: boolean }): ReactElement | null {
  if (!of?.length) return null;
  return (
    <Text size="sm" mt={4} component="div">
      {of.map(({ who, value }) => {
        const differs = now !== undefined && write(now) !== write(value);
        return (
          <div key={who}>
            {`${who}: `}
            {differs && diff ? <Difference from={word(value)} to={word(now)} /> : <strong>{word(value)}</strong>}
            {differs && <span className="differs"> ≠ yours differs</span>}
          </div>
        );
      })}
    </Text>
  );
}

const TAGS = { same: "span", gone: "del", new: "ins" } as const;

function Difference({ from, to }: { from: string; to: string }): ReactElement {
  return (
    <span className="difference">
      {difference(from, to).map(({ kind, text }, at) => {
        const Tag = TAGS[kind];
        // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text are told apart by their place alone
        return <Tag key={at}>{text}</Tag>;
      })}
    </span>
  );
}

const label = (option: string): string => word(read(option));

type InputProps = {
  field: Field;
  value: Values[string];
  problem: string | undefined;
  disabled: boolean;
  numbered: boolean;
  change: (value: Values[string]) => void;
};

function Input({ field, value, problem, disabled, numbered, change }: InputProps): ReactElement {
  const common = {
    label: field.label,
    description: field.says || undefined,
    error: problem,
    withAsterisk: field.required && !field.nullable,
  };
  const text = typeof value === "string" ? value : "";
  const typed = (event: { currentTarget: { value: string } }) => change(event.currentTarget.value);
  switch (field.kind) {
    case "boolean":
      return (
        <Switch
          label={field.label}
          description={field.says}
          error={problem}
          checked={value === true}
          disabled={disabled}
          onChange={(event) => change(event.currentTarget.checked)}
        />
      );
    case "choice":
      return (
        <Radio.Group {...common} value={text} onChange={change}>
          <Stack gap={6} mt={6}>
            {field.options.map((option, at) => (
              <Group key={option} gap="xs" wrap="nowrap">
                <Radio value={option} label={label(option)} disabled={disabled} />
                {numbered && at < 9 && <Kbd size="xs">{at + 1}</Kbd>}
              </Group>
            ))}
          </Stack>
        </Radio.Group>
      );
    case "choices":
      return (
        <Checkbox.Group {...common} value={Array.isArray(value) ? value : []} onChange={change}>
          <Group gap="md" mt={6}>
            {field.options.map((option, at) => (
              <Group key={option} gap={6} wrap="nowrap">
                <Checkbox value={option} label={label(option)} disabled={disabled} />
                {numbered && at < 9 && <Kbd size="xs">{at + 1}</Kbd>}
              </Group>
            ))}
          </Group>
        </Checkbox.Group>
      );
    case "long":
      return (
        <Textarea {...common} value={text} onChange={typed} disabled={disabled} autosize minRows={3} maxRows={12} />
      );
    case "json":
      return (
        <JsonInput
          {...common}
          description={field.says || "as JSON"}
          value={text}
          onChange={change}
          disabled={disabled}
          autosize
          minRows={2}
        />
      );
    default:
      return (
        <TextInput
          {...common}
          value={text}
          onChange={typed}
          disabled={disabled}
          inputMode={field.kind === "number" ? "decimal" : "text"}
        />
      );
  }
}
