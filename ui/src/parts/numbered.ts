/** The digits choose in the field that one is in, else in the first that has choices. */

import { type FocusEvent, type RefObject, useRef, useState } from "react";
import type { Field, Values } from "./form";
import { choose } from "./form-view";
import type { Keys } from "./keys";

type Numbered = {
  /** The field whose choices have numbers now. */
  field: Field | undefined;
  /** The field that one is in. */
  focused: Field | undefined;
  /** Where the form stands. */
  place: RefObject<HTMLDivElement | null>;
  entered: (event: FocusEvent<HTMLElement>) => void;
  left: () => void;
  keys: Keys;
};

export function useNumbered(
  form: Field[],
  values: Values,
  disabled: boolean,
  change: (name: string, value: Values[string]) => void,
): Numbered {
  const [focused, setFocused] = useState<string | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const choices = form.filter(({ kind }) => kind === "choice" || kind === "choices");
  const field = disabled ? undefined : (choices.find(({ name }) => name === focused) ?? choices[0]);
  const digit = (at: number) => {
    const value = field && choose(place.current, field, at, values[field.name] ?? "");
    if (field && value !== null && value !== undefined) change(field.name, value);
  };
  return {
    field,
    focused: form.find(({ name }) => name === focused),
    place,
    entered: (event) => setFocused(event.target.closest<HTMLElement>("[data-field]")?.dataset.field ?? null),
    left: () => setFocused(null),
    keys: Object.fromEntries(Array.from({ length: 9 }, (_, at) => [String(at + 1), () => digit(at)])),
  };
}
