/** What waits for people: the list, and the task in hand. Everything works by the keyboard. */

import {
  Badge,
  Button,
  Checkbox,
  Grid,
  Group,
  NativeSelect,
  Paper,
  SegmentedControl,
  Stack,
  Text,
} from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { type ReactElement, useEffect, useState } from "react";
import { type Documents, type Problem, post } from "../api/ask";
import { useDocument } from "../api/live";
import { asProblem } from "../parts/act";
import { before, skipped, ticked, tickThese, unskip, visit } from "../parts/desk";
import { say } from "../parts/dialog";
import { count, counted } from "../parts/format";
import { useKeys } from "../parts/keys";
import { To } from "../parts/link";
import { useRefusal, useSession } from "../parts/may";
import { Command, Loaded, Page, State, When, Wrong } from "../parts/shown";
import { Views } from "../parts/views";
import { TaskInHand } from "./task";
import { Together } from "./together";

type Search = { queue?: string; whose?: string; after?: string };

export function Tasks(): ReactElement {
  const { task } = useParams({ strict: false }) as { task?: string };
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const client = useQueryClient();
  const refusal = useRefusal("review");
  const [problem, setProblem] = useState<Problem | null>(null);
  const { queue, whose, after } = search;
  const { person } = useSession();
  const [left, setLeft] = useState(() => skipped(person));
  const list = useDocument({
    path: "/api/v1/tasks",
    parts: { queue, mine: whose === "mine", overdue: whose === "overdue", after, limit: 100 },
    keep: true,
    watch: { kinds: ["task", "interaction"] },
    every: 30_000,
  });
  const [ticks, setTicks] = useState(ticked);
  const [together, setTogether] = useState<OpenTask[] | null>(null);
  const rows = list.data?.rows.filter((one) => !left.includes(one.task) || String(one.task) === task) ?? [];
  const at = rows.findIndex((one) => String(one.task) === task);
  const open = (id: number | string) => void navigate({ to: "/tasks/$task", params: { task: String(id) }, search });
  const move = (by: number) => {
    const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
    if (next) open(next.task);
  };
  const next = async () => {
    setProblem(null);
    try {
      const skip = skipped(person);
      setLeft(skip);
      const claimed = await post("/api/v1/tasks/claim", { queue: queue ?? null, task: null, skip });
      await client.invalidateQueries({ queryKey: ["/api/v1/tasks"] });
      open(claimed.task);
    } catch (error) {
      const found = asProblem(error);
      if (found.status === 404) {
        void navigate({ to: "/tasks", search });
        say("Nothing waits for you");
      } else setProblem(found);
    }
  };
  const back = () => {
    const last = before(task);
    if (last) open(last);
    else say("There is no task before this one");
  };
  const tickOnly = (tasks: Iterable<number>) => setTicks(tickThese(tasks));
  const tick = (id: number) =>
    tickOnly(ticked().has(id) ? [...ticked()].filter((one) => one !== id) : [...ticked(), id]);
  const inHand = rows[at];
  const ticking: Ticking | null = refusal ? null : { ticked: ticks, tick };
  const chosen = rows.filter((one) => one.bulk && ticks.has(one.task));
  const apart = () => {
    setTogether(null);
    tickOnly([]);
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    b: back,
    x: () => ticking && inHand?.bulk && tick(inHand.task),
  });
  useEffect(() => {
    if (task) visit(task);
  }, [task]);

  return (
    <Page
      title="Tasks"
      actions={
        <>
          <Views page="tasks" filter={{ queue, whose }} />
          <Button onClick={() => void next()} disabled={!!refusal} title={refusal}>
            Take the next
          </Button>
        </>
      }
    >
      {refusal && <Text c="dimmed">To decide: {refusal}.</Text>}
      {problem && <Wrong problem={problem} />}
      <Group align="end">
        <SegmentedControl
          aria-label="which tasks"
          value={whose ?? "all"}
          onChange={(value) =>
            void navigate({
              to: ".",
              search: { ...search, after: undefined, whose: value === "all" ? undefined : value },
            })
          }
          data={[
            { value: "all", label: "All open" },
            { value: "mine", label: "Mine" },
            { value: "overdue", label: "Overdue" },
          ]}
        />
        <QueueFilter
          queue={queue}
          queues={list.data?.queues ?? []}
          choose={(chosen) => void navigate({ to: "/tasks", search: { ...search, after: undefined, queue: chosen } })}
        />
      </Group>
      <Grid>
        <Grid.Col span={{ base: 12, md: 4, lg: 3 }}>
          <Loaded query={list}>
            {({ total, next_after }) => (
              <>
                <List rows={rows} total={total} chosen={task} search={search} person={person} ticking={ticking} />
                <Group gap="md" mt="xs">
                  {after && (
                    <To to="/tasks" search={{ ...search, after: undefined } as Search}>
                      the most urgent
                    </To>
                  )}
                  {next_after && (
                    <To to="/tasks" search={{ ...search, after: String(next_after) }}>
                      less urgent ones
                    </To>
                  )}
                </Group>
              </>
            )}
          </Loaded>
          {ticking && rows.some((one) => one.bulk) && (
            <Ticked
              chosen={chosen}
              all={() => tickOnly(rows.filter((one) => one.bulk).map((one) => one.task))}
              none={apart}
              decide={() => setTogether(chosen)}
            />
          )}
          {left.length > 0 && (
            <Button
              variant="subtle"
              size="compact-sm"
              onClick={() => {
                unskip(person);
                setLeft([]);
              }}
            >
              {`${counted(left.length, "task")} skipped: show again`}
            </Button>
          )}
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 8, lg: 9 }}>
          {together ? (
            <Together tasks={together} close={() => setTogether(null)} done={apart} />
          ) : task ? (
            <TaskInHand key={task} task={task} next={() => void next()} />
          ) : (
            <Text c="dimmed">Choose a task, or take the next one. The keys are shown by ?</Text>
          )}
        </Grid.Col>
      </Grid>
      <Command>wave tasks list</Command>
    </Page>
  );
}

type QueueProps = {
  queue: string | undefined;
  queues: Documents["Waiting"][];
  choose: (queue: string | undefined) => void;
};

/** Each queue with what waits in it; one that is empty by now stays as long as it is chosen. */
function QueueFilter({ queue, queues, choose }: QueueProps): ReactElement {
  const says = ({ queue: name, tasks, overdue, claimed }: Documents["Waiting"]) =>
    [`${name}: ${count(tasks)} open`, overdue && `${count(overdue)} overdue`, claimed && `${count(claimed)} claimed`]
      .filter(Boolean)
      .join(", ");
  const there = queues.map((one) => ({ value: one.queue, label: says(one) }));
  const chosen =
    queue && !queues.some((one) => one.queue === queue) ? [{ value: queue, label: `${queue}: empty` }] : [];
  return (
    <NativeSelect
      aria-label="queue"
      value={queue ?? ""}
      onChange={(event) => choose(event.currentTarget.value || undefined)}
      data={[{ value: "", label: "any queue" }, ...there, ...chosen]}
    />
  );
}

type OpenTask = Documents["OpenTask"];
/** Which tasks are ticked, and how one more is. */
type Ticking = { ticked: ReadonlySet<number>; tick: (task: number) => void };

type TickedProps = { chosen: OpenTask[]; all: () => void; none: () => void; decide: () => void };

function Ticked({ chosen, all, none, decide }: TickedProps): ReactElement {
  const mixed = new Set(chosen.map((one) => `${one.run_id} ${one.step}`)).size > 1;
  return (
    <Group gap="xs" mt="xs" role="group" aria-label="what is ticked">
      <Button variant="default" size="compact-sm" onClick={all}>
        Tick all shown
      </Button>
      {chosen.length > 0 && (
        <>
          <Button variant="default" size="compact-sm" onClick={none}>
            Tick none
          </Button>
          <Button size="compact-sm" onClick={decide} disabled={mixed}>
            {`Decide ${count(chosen.length)} together`}
          </Button>
        </>
      )}
      <Text size="sm" role="status">
        {mixed && "Only tasks of one run and one step have one form."}
      </Text>
    </Group>
  );
}

type ListProps = {
  rows: OpenTask[];
  total: number;
  chosen: string | undefined;
  search: Search;
  person: string;
  ticking: Ticking | null;
};
const SOON = 0.75;

/** Whether three quarters of the time that there was are over. */
function soon({ asked_at, due_at }: OpenTask): boolean {
  const [from, to] = [Date.parse(asked_at), Date.parse(due_at ?? "")];
  return Date.now() - from > SOON * (to - from);
}

function List({ rows, total, chosen, search, person, ticking }: ListProps): ReactElement {
  if (!rows.length) return <State of="completed">nothing waits</State>;
  return (
    <Stack gap="xs" component="nav" aria-label="open tasks" className="queue">
      <Text size="sm" c="dimmed">{`${count(rows.length)} of ${count(total)}, the most urgent first`}</Text>
      {rows.map((one) => (
        <Paper
          key={one.task}
          withBorder
          p="xs"
          bd={String(one.task) === chosen ? "2px solid var(--mantine-color-indigo-5)" : undefined}
        >
          <Group justify="space-between" wrap="nowrap">
            <To
              to="/tasks/$task"
              params={{ task: String(one.task) }}
              search={search}
              aria-current={String(one.task) === chosen ? "page" : undefined}
            >
              {one.title || `${one.step} of ${one.key ?? one.workflow}`}
            </To>
            {ticking && one.bulk && (
              <Checkbox
                aria-label={`tick task ${one.task}, ${one.title || one.step}`}
                checked={ticking.ticked.has(one.task)}
                onChange={() => ticking.tick(one.task)}
              />
            )}
            {one.overdue ? <State of="overdue" /> : soon(one) && <State of="waiting">due soon</State>}
          </Group>
          <Text size="sm">
            {one.queue}, <When at={one.asked_at} />
            {one.due_at && (
              <>
                , due <When at={one.due_at} />
              </>
            )}
          </Text>
          <Group gap="xs">
            {one.claimed_by && (
              <Badge variant="default" tt="none">
                {one.claimed_by}
              </Badge>
            )}
            {one.priority !== 0 && <Badge variant="default">{`priority ${one.priority}`}</Badge>}
            {one.needs > 1 && (
              <Badge variant="default">
                {one.decided >= one.needs
                  ? `${one.decided} have decided, and differ`
                  : `${one.decided} of ${one.needs} have decided`}
              </Badge>
            )}
            {one.spoken.includes(person) && <Badge variant="default">you have decided</Badge>}
          </Group>
        </Paper>
      ))}
    </Stack>
  );
}
