/** What every page is made of. */

import { Alert, Box, Button, Code, Group, Progress, Skeleton, Stack, Table, Text, Title, Tooltip } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { Component, type ReactElement, type ReactNode, useEffect, useState } from "react";
import type { Problem } from "../api/ask";
import { write } from "../api/json";
import { Download } from "./download";
import { ago, count, share } from "./format";
import { To } from "./link";
import { SIGNS, tone } from "./states";

export function Page({
  title,
  actions,
  children,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}): ReactElement {
  useEffect(() => {
    document.title = `${title} · Wave Runner`;
  }, [title]);
  return (
    <Stack gap="md">
      <Group justify="space-between">
        <Title order={1} size="h2">
          {title}
        </Title>
        <Group gap="xs">{actions}</Group>
      </Group>
      {children}
    </Stack>
  );
}

export function Section({ title, children }: { title: string; children: ReactNode }): ReactElement {
  return (
    <Box component="section" aria-label={title}>
      <Title order={2} size="h4" mb="xs">
        {title}
      </Title>
      {children}
    </Box>
  );
}

export function State({ of, children }: { of: string; children?: ReactNode }): ReactElement {
  const found = tone(of);
  return (
    <span className={`state state-${found}`}>
      <span aria-hidden="true">{SIGNS[found]}</span> {children ?? of.replaceAll("_", " ")}
    </span>
  );
}

/** Says of when numbers are that were counted before, and nothing where they are of now. */
export function CountedAt({ at, what }: { at: string | null; what: string }): ReactElement | null {
  return (
    at && (
      <p>
        A large run is counted from time to time: {what} as of then, <When at={at} />.
      </p>
    )
  );
}

export function When({ at }: { at: string | null | undefined }): ReactElement {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 10_000);
    return () => clearInterval(timer);
  }, []);
  if (!at) return <>–</>;
  const exact = new Date(at).toISOString().replace("T", " ").replace("Z", " UTC");
  return (
    <Tooltip label={exact}>
      <time dateTime={at}>{ago(at)}</time>
    </Tooltip>
  );
}

export function Bar({
  parts,
  of,
  label,
}: {
  parts: [n: number, tone: "good" | "bad"][];
  of: number;
  label: string;
}): ReactElement {
  const colours = { good: "teal.8", bad: "red.8" };
  return (
    <Progress.Root size="md" role="group" aria-label={label}>
      {parts.map(([n, kind]) => (
        <Progress.Section
          key={kind}
          value={share(n, of)}
          color={colours[kind]}
          aria-label={`${kind}: ${count(n)} of ${count(of)}`}
        />
      ))}
    </Progress.Root>
  );
}

/** Anything as JSON, as text: what a record holds is never taken for markup. */
export function Json({ value, label, most = 20_000 }: { value: unknown; label: string; most?: number }): ReactElement {
  const [whole, setWhole] = useState(false);
  const text = typeof value === "string" ? value : (write(value, 2) ?? "nothing");
  const cut = !whole && text.length > most;
  return (
    <Box>
      <Code block tabIndex={0} role="group" aria-label={label} className="json">
        {cut ? text.slice(0, most) : text}
      </Code>
      {cut && (
        <Button variant="subtle" size="compact-sm" onClick={() => setWhole(true)}>
          {`show all ${count(text.length)} characters`}
        </Button>
      )}
    </Box>
  );
}

export type Column<Row> = { name: string; of: (row: Row) => ReactNode; right?: boolean };

export function Rows<Row extends object>({
  label,
  columns,
  rows,
  id,
  none,
  download,
}: {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  id: (row: Row) => string | number;
  none: ReactNode;
  /** What the file is called that these rows can be had as. */
  download?: string;
}): ReactElement {
  if (!rows.length) return <Text c="dimmed">{none}</Text>;
  const table = (
    <Table.ScrollContainer
      minWidth={columns.length * 90}
      scrollAreaProps={{ viewportProps: { tabIndex: 0, role: "group", "aria-label": label } }}
    >
      <Table striped highlightOnHover verticalSpacing={4} aria-label={label}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((one) => (
              <Table.Th key={one.name} ta={one.right ? "right" : "left"}>
                {one.name}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={id(row)}>
              {columns.map((one) => (
                <Table.Td key={one.name} ta={one.right ? "right" : "left"}>
                  {one.of(row)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
  if (!download) return table;
  return (
    <>
      {table}
      <Download name={download} rows={rows} />
    </>
  );
}

export function Facts({ of }: { of: [name: string, value: ReactNode][] }): ReactElement {
  return (
    <dl className="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Wrong({ problem, then }: { problem: Problem; then?: ReactNode }): ReactElement {
  const title =
    problem.status === 403 ? "Your role may not do this" : problem.status ? `${problem.detail}` : "The server is away";
  return (
    <Alert color="red" variant="outline" title={title} role="alert" className="wrong">
      {problem.detail !== title && <Text size="sm">{problem.detail}</Text>}
      {problem.hint && <Text size="sm">{problem.hint}</Text>}
      {then}
    </Alert>
  );
}

/** Nothing is wrong where nothing is there yet. */
function NotThere({ problem }: { problem: Problem }): ReactElement {
  return (
    <Text c="dimmed" role="alert">
      {problem.detail}
      {problem.hint && `; ${problem.hint}`}
    </Text>
  );
}

/** What was asked for; while it is not there yet its place, and where it cannot be had the reason. Old data stays. */
export function Loaded<Body>({
  query,
  children,
}: {
  query: UseQueryResult<Body, Problem>;
  children: (body: Body) => ReactNode;
}): ReactElement {
  const { data, error } = query;
  if (data === undefined) {
    if (!error) return <Skeleton height={120} role="status" aria-label="loading" />;
    return error.status === 404 ? <NotThere problem={error} /> : <Wrong problem={error} />;
  }
  return (
    <>
      {error && (
        <Wrong
          problem={error}
          then={<Text size="sm">What is shown was true at {new Date(query.dataUpdatedAt).toLocaleTimeString()}.</Text>}
        />
      )}
      {children(data)}
    </>
  );
}

/** The command that does the same. */
export function Command({ children }: { children: string }): ReactElement {
  return (
    <Text size="sm" c="dimmed" component="span">
      in a terminal: <Code className="command">{children}</Code>
    </Text>
  );
}

export function RunLink({ run }: { run: string | number }): ReactElement {
  return (
    <To to="/runs/$run" params={{ run: String(run) }}>
      {`run ${run}`}
    </To>
  );
}

export function RecordLink({
  record,
  run,
}: {
  record: string | null | undefined;
  run?: string | undefined;
}): ReactElement {
  if (!record) return <>–</>;
  return (
    <To to="/record" search={{ key: record, run }} className="key">
      {record}
    </To>
  );
}

/** An interaction is found in its run alone. */
export function InteractionLink({ id, run, says }: { id: string; run: string; says?: ReactNode }): ReactElement {
  return (
    <To to="/interactions/$interaction" params={{ interaction: id }} search={{ run }}>
      {says ?? id}
    </To>
  );
}

/** An error of the pages themselves, or a part of them that a newer server has no more. */
export class Guard extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    const loading = /dynamically imported|module script|Importing/i.test(error.message);
    return (
      <Alert
        color="red"
        variant="outline"
        role="alert"
        title={loading ? "There is a new version of this page" : "This is a bug in Wave Runner"}
      >
        {!loading && <Text size="sm">{error.message}</Text>}
        <Button mt="sm" onClick={() => location.reload()}>
          Load the page anew
        </Button>
      </Alert>
    );
  }
}
