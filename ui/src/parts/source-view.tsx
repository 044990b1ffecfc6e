/** What a task shows, to be read and searched. */

import { Box, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { type ReactElement, useEffect, useMemo, useRef, useState } from "react";
import { counted } from "./format";
import { useKeys } from "./keys";
import { Section } from "./shown";
import { type Piece, pieces, type Shown, shown } from "./source";

const MOST = 500;

type Props = { input: Record<string, unknown>; quote: string };

/** `quote` is looked for in the texts as long as nothing else is: what an answer goes by must be there. */
export function Source({ input, quote }: Props): ReactElement {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const [raw, setRaw] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const quoting = quote !== "" && !typed.trim();
  const wanted = quoting ? quote : typed;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another quote begins with its first hit
  useEffect(() => setAt(0), [quote]);
  const texts = useMemo(() => shown(input), [input]);
  const found = useMemo(() => {
    let before = 0;
    return texts.map((one) => {
      const itself = quoting && (one.json || one.text.trim() === quote);
      const parts = pieces(raw && one.raw !== null ? one.raw : one.text, itself ? "" : wanted, MOST);
      const first = before;
      before += parts.filter(({ hit }) => hit).length;
      return { ...one, parts, first };
    });
  }, [texts, wanted, raw, quote, quoting]);
  const hits = found.reduce((sum, one) => sum + one.parts.filter(({ hit }) => hit).length, 0);
  const none = quoting ? "the quote stands nowhere in what is shown" : "not found";
  const move = (by: number) => setAt((before) => (hits ? (before + by + hits) % hits : 0));
  useKeys({ f: () => field.current?.focus() });
  useEffect(() => {
    if (hits) place.current?.querySelector(`[data-hit="${at}"]`)?.scrollIntoView({ block: "nearest" });
  }, [at, hits]);

  return (
    <Section title="What is shown">
      <Stack gap="sm">
        <Group gap="xs">
          <TextInput
            ref={field}
            aria-label="find in what is shown"
            placeholder="find (f)"
            size="xs"
            value={typed}
            onChange={(event) => {
              setTyped(event.currentTarget.value);
              setAt(0);
            }}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              event.preventDefault();
              move(event.shiftKey ? -1 : 1);
            }}
          />
          <Text size="sm" role="status">
            {wanted.trim() && (hits ? `${quoting ? "the quote: " : ""}${at + 1} of ${counted(hits, "hit")}` : none)}
          </Text>
          {texts.some((one) => one.raw !== null) && (
            <Button variant="default" size="compact-sm" onClick={() => setRaw((before) => !before)}>
              {raw ? "without markup" : "as it is written"}
            </Button>
          )}
        </Group>
        <Box className="source" ref={place} tabIndex={0} role="group" aria-label="the source">
          {found.map((one) => (
            <OneText key={one.name} one={one} parts={one.parts} first={one.first} at={at} />
          ))}
        </Box>
      </Stack>
    </Section>
  );
}

type OneProps = { one: Shown; parts: Piece[]; first: number; at: number };

function OneText({ one, parts, first, at }: OneProps): ReactElement {
  let hit = first;
  return (
    <div>
      <Text size="sm" c="dimmed">
        {one.name}
      </Text>
      <div className={one.json ? "text text-json" : "text"}>
        {parts.map((part, number) => {
          if (!part.hit) return part.text;
          const here = hit++;
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text are told apart by their place alone
            <mark key={number} data-hit={here} className={here === at ? "hit-here" : undefined}>
              {part.text}
            </mark>
          );
        })}
      </div>
    </div>
  );
}
