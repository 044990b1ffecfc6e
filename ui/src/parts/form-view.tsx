import { Checkbox, Group, JsonInput, Kbd, Radio, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import type { ReactElement } from "react";
import { read } from "../api/json";
import type { Field, Problems, Values } from "./form";

type Props = {
  form: Field[];
  values: Values;
  problems: Problems;
  disabled: boolean;
  change: (name: string, value: Values[string]) => void;
};

export function Form({ form, values, problems, disabled, change }: Props): ReactElement {
  const numbered = form.find((field) => field.kind === "choice"); // the one that the digits choose in
  return (
    <Stack gap="md">
      {form.map((field) => (
        <Input
          key={field.name}
          field={field}
          value={values[field.name] ?? ""}
          problem={problems[field.name]}
          disabled={disabled}
          numbered={field === numbered}
          change={(value) => change(field.name, value)}
        />
      ))}
    </Stack>
  );
}

const word = (option: string): string => {
  const value = read(option);
  return typeof value === "string" ? value : option;
};

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
                <Radio value={option} label={word(option)} disabled={disabled} />
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
            {field.options.map((option) => (
              <Checkbox key={option} value={option} label={word(option)} disabled={disabled} />
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
