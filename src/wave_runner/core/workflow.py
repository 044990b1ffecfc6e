"""A project's definitions as values: what a workflow file, `wave.toml` and the files they name say.

`wave_runner.project.load` makes these from a folder; the runner works from the copies pinned in the database.
Everything here is frozen and has no behaviour beyond reading itself out as JSON.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from wave_runner.core.canary import Canary
from wave_runner.core.drift import Policies
from wave_runner.core.due import CatchUp
from wave_runner.core.limits import Limits
from wave_runner.core.raw import DEFAULT_BYTES
from wave_runner.core.stopping import Stop
from wave_runner.core.vanishing import DEFAULT_SHARE

Share: TypeAlias = float
"""A part of a whole, from 0 to 1."""

Bytes: TypeAlias = int
"""A number of bytes, which wave.toml may also say as a text: "6 GiB"."""


KEEP = "keep"  # the first one wins: the row is rejected as a duplicate
UPDATE = "update"  # its row in the table gets the values that have changed


class ActorKind(enum.StrEnum):
    """Who does a step."""

    AI_MODEL = "ai_model"
    SCRIPT = "script"
    SQL = "sql"
    HUMAN = "human"  # a person, asked through a queue of tasks
    ROUTE = "route"  # nobody: the step only decides where to go, from what it is given


class DefinitionKind(enum.StrEnum):
    """What a content-addressed definition holds."""

    WORKFLOW = "workflow"  # the bytes of a workflow file
    STEP = "step"  # one step resolved, canonical JSON: what a run pins
    SCRIPT = "script"  # a manifest, canonical JSON: {"files": {path: sha256}, "entry": path, "lock": sha256}
    FILE = "file"  # the bytes of one file that a script manifest names
    PROMPT = "prompt"  # the bytes of a prompt template
    SCHEMA = "schema"  # the bytes of a JSON Schema
    MODEL = "model"  # canonical JSON of a model as declared: server, weights, options
    ACTOR = "actor"  # what is approved for an actor, canonical JSON
    SQL = "sql"  # the bytes of a file under sql/


@dataclass(frozen=True, kw_only=True)
class Definition:
    """Immutable bytes under a kind and a name, addressed by their SHA-256."""

    kind: DefinitionKind
    name: str
    body: bytes

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.body).digest()


@dataclass(frozen=True, kw_only=True)
class ServerSpec:
    """A model server as `[servers.NAME]` in wave.toml declares it."""

    name: str
    driver: str  # "llama_cpp" | "ollama" | "openai"
    url: str = ""  # openai: the base URL, up to and including /v1; ollama: without a path
    api_key_env: str = ""  # the environment variable that holds the key; never the key itself
    api_key_file: str = ""  # or the file; relative to the project, and only below .wave there
    models_dir: str = ""  # llama_cpp: folder of .gguf files; relative to the project
    slots: int = 1  # requests in flight at once; of a server by URL, those of all runners together
    requests_per_minute: int | None = None  # openai: of whoever has the key
    tokens_per_minute: int | None = None
    models_max: int | None = None  # models resident at once; None: one, or with `memory` as many as it holds
    memory: Bytes | None = None  # for all resident models together; None: nobody counts
    context: int = 4096  # tokens of one request
    threads: int = 2
    start_timeout_s: float = 120.0
    runs_on: tuple[str, ...] = ()  # labels that a runner must have to use it


@dataclass(frozen=True, kw_only=True)
class AlertsSpec:
    """Where notices of alerts are sent, as `[alerts]` in wave.toml declares it."""

    url: str
    secret_env: str  # the environment variable that holds the secret they are signed with; never the secret itself
    private: bool = False  # whether the receiver may be on a network of one's own, and asked by http
    timeout_s: float = 10.0  # of one attempt, from the look-up of its name to its answer


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A model actor as `[models.NAME]` in wave.toml declares it."""

    name: str
    server: str
    model: str  # the name the server knows it by; llama_cpp: the file name without .gguf
    options: Mapping[str, Any] = field(default_factory=dict)  # temperature, seed, max_tokens, cache_prompt, api
    memory: Bytes | None = None  # that it takes while it is resident; None: what the driver finds out
    timeout_s: float | None = None  # of one attempt; None: by what has been measured (core/patience.py)
    timeout_floor_s: float = 30.0
    timeout_ceiling_s: float = 3600.0
    token_timeout_s: float | None = None  # how long an answer may pause once it has begun; None: it comes in one piece
    queue_timeout_s: float | None = None  # how long a record may wait for its first attempt
    step_timeout_s: float | None = None  # how long it may take in all, waiting and further attempts included
    max_attempts: int = 3
    price: Mapping[str, int] = field(default_factory=dict)  # input, cached, output, second: trillionths of each
    cache: bool = True  # whether its answers are kept, and used again for the same question
    runs_on: tuple[str, ...] = ()  # labels that a runner must have
    concurrency: int | None = None  # requests in flight at once, of all runners together
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True, kw_only=True)
class ScriptSpec:
    """A script actor: `actors/NAME.py`, or `[scripts.NAME]` in wave.toml where it needs settings of its own."""

    name: str
    entry: str  # path in the project: "actors/summary_saver.py", or an executable file
    executable: bool = False  # JSON on stdin and stdout instead of a ScriptActor class
    timeout_s: float | None = None  # of one attempt; None: by what has been measured (core/patience.py)
    timeout_floor_s: float = 30.0
    timeout_ceiling_s: float = 3600.0
    queue_timeout_s: float | None = None  # how long a record may wait for its first attempt
    step_timeout_s: float | None = None  # how long it may take in all, waiting and further attempts included
    max_attempts: int = 3
    max_output_bytes: int = 16 * 1024 * 1024
    environment: tuple[str, ...] = ()  # names of environment variables the actor may see
    sandbox: str = ""  # a level of core/sandbox.py: "none", "own", "strict"; "": what the setting says
    may_read: tuple[str, ...] = ()  # in a sandbox: paths that it reads besides the project and what Python needs
    may_write: tuple[str, ...] = ()  # and those that it reads and writes besides its own folder
    network: bool | tuple[str, ...] = False  # and whether it may open connections; or the public hosts it may ask
    private_hosts: tuple[str, ...] = ()  # and those that it may ask on a network of one's own, or on this machine
    memory: Bytes | None = None  # that each of its processes may take for data; None: any
    files: tuple[str, ...] = ()  # what else of the project it reads, pinned with it: "sql/one.sql", "words/"
    runs_on: tuple[str, ...] = ()  # labels that a runner must have
    concurrency: int | None = None  # processes that do it at once, of all runners together
    requests_per_minute: int | None = None  # records begun in a minute


@dataclass(frozen=True, kw_only=True)
class QuerySpec:
    """An sql actor: one query over a whole wave, `sql/NAME.sql`. It has no settings but what its steps say."""

    name: str
    path: str
    timeout_s: float = 30.0
    max_attempts: int = 3


@dataclass(frozen=True, kw_only=True)
class CollectionSpec:
    """A kind of record and the table its data lives in."""

    name: str
    table: str
    key: str  # the column that holds the record's key
    record_column: str = ""  # the column that references records, where the table has one
    rows: Mapping[str, str] = field(default_factory=dict)  # other tables of the record: table -> column of the record
    max_raw_bytes: int = DEFAULT_BYTES  # of one staged row; a larger one is rejected, and only its beginning kept
    known: str = KEEP  # what becomes of a record that comes again: "keep" or "update"
    hold_above: Share = DEFAULT_SHARE  # of a source's records; if more vanish at once, a person has to say so


@dataclass(frozen=True, kw_only=True)
class ScheduleSpec:
    """A run that starts by itself, as `[schedules.NAME]` in wave.toml declares it."""

    name: str
    workflow: str
    cron: str  # five fields: minute, hour, day of the month, month, day of the week
    timezone: str = "UTC"  # by its IANA name
    catch_up: CatchUp = CatchUp.SKIP
    params: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class InputRef:
    """Where one input comes from: the first of `sources` that exists. A source is `scope.path`.

    Scopes: `params`, `run`, `record`, or the name of an earlier step. `max_chars` cuts a text; the cut stands in
    the started event. `min_chars` and `optional` are for the guards (`wave_runner.core.guards`): a shorter text stops
    the step, and an optional input may be null, blank or a placeholder.
    """

    sources: tuple[str, ...]
    max_chars: int | None = None
    min_chars: int | None = None
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How people are asked, at a step that one does: its actor is the queue, its `output` the form.

    `title` is a template over the input. `needs` is how many people must say the same (`wave_runner.core.agreement`);
    with `blind` none of them sees what another has decided before. After `due_s` seconds the task is overdue, and moves
    to the queue `escalate`, if there is one; nothing is ever decided in a person's name. With `prefill` a form begins
    with what is proposed for it. With `bulk` one person may give one answer to several tasks at once.
    """

    title: str = ""
    priority: int = 0  # higher goes first
    due_s: float | None = None
    needs: int = 1
    blind: bool = False
    escalate: str = ""
    prefill: bool = False
    bulk: bool = False


@dataclass(frozen=True, kw_only=True)
class Guards:
    """Which guards a step has (`wave_runner.core.guards`). A number is the guard's bound, 0 turns it off.

    The defaults are those of a step that no model does; `MODEL_GUARDS` are a model's, and a step that only routes has
    none: what it gives is what it was given.
    """

    empty: bool = False
    placeholder: bool = False
    injection: bool = False
    inconsistent_outcome: bool = True
    too_fast: int = 0  # tokens a second
    provider_error: bool = False
    refusal: bool = False
    echo: bool = False
    repetition: bool = False
    same_text: int = 0  # records: this many with one text are too many

    @property
    def read_texts(self) -> bool:
        """Whether one of them looks at each text of an answer by itself."""
        return bool(self.too_fast or self.provider_error or self.refusal or self.echo or self.repetition)


NO_GUARDS = Guards(inconsistent_outcome=False)

# 50,000 tokens a second is several times what the fastest hardware on sale gives for one request. Five records are more
# than the pairs and triples in which real sources hold one and the same thing.
MODEL_GUARDS = Guards(
    empty=True,
    placeholder=True,
    injection=True,
    too_fast=50_000,
    provider_error=True,
    refusal=True,
    echo=True,
    repetition=True,
    same_text=5,
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way out of a step: to `to`, or to `otherwise` where `when` does not hold or the loop is used up.

    `when` is CEL over params, input and output; "" always holds. With `loop` above 0 the way leads back to an earlier
    step, and may be taken so many times in a row.
    """

    to: str
    when: str = ""
    otherwise: str = ""
    loop: int = 0


@dataclass(frozen=True, kw_only=True)
class Next:
    """`next: STEP` (or `end`)."""

    to: str


@dataclass(frozen=True, kw_only=True)
class Each:
    """`next: {each: SOURCE, to: STEP}`: one interaction for each.

    `promoted` is every record that this run promoted; any other source is a list in the step's own output.
    """

    source: str
    to: str

    @property
    def over_records(self) -> bool:
        return self.source == PROMOTED


@dataclass(frozen=True, kw_only=True)
class RouteOn:
    """`route: {on: FIELD, VALUE: STEP, …}`: `cases` holds every value that the field's enum allows."""

    on: str
    cases: Mapping[str, Case]


@dataclass(frozen=True, kw_only=True)
class Choose:
    """`next: {when: [{if: CEL, to: STEP}, …], else: STEP}`: the first case that holds, else `otherwise`."""

    cases: tuple[Case, ...]
    otherwise: str


@dataclass(frozen=True, kw_only=True)
class Fork:
    """`next: {all: [STEP, {if: CEL, to: STEP}], else: STEP}`: every case that holds, side by side; else `otherwise`."""

    cases: tuple[Case, ...]
    otherwise: str = "end"


Route = Next | Each | RouteOn | Choose | Fork

END = "end"
ROUTER = "router"  # the actor of every step that has none
PROMOTED = "promoted"
SELECT_ALL = "all"  # `select: all`: every row of the collection's table

# Where a step's own ways out do not lead: what happens when it does not complete.
ON_FAILURE, ON_QUARANTINE, ON_TIMEOUT = "on_failure", "on_quarantine", "on_timeout"


class Join(enum.StrEnum):
    """When a step that comes `after` several others is done: decided once, in `wave_runner.core.joining`."""

    ALL = "all"  # when all of them have completed
    ANY = "any"  # when the first of them completes
    SETTLED = "settled"  # when none of them can come any more, whatever became of them


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step, resolved: every name it uses exists, every file it names has been read."""

    name: str
    line: int  # in the workflow file, for messages
    actor: str
    kind: ActorKind
    once: bool = False
    input: Mapping[str, InputRef] = field(default_factory=dict)
    require: tuple[str, ...] = ()  # CEL over the input
    guards: Guards = field(default_factory=Guards)
    prompt: str = ""  # path in the project
    sql: str = ""  # path of the query, for a step that is one
    output: str = ""  # path of a JSON Schema in the project; of a step that a person does, its form
    accept: tuple[str, ...] = ()  # CEL over output, input, params
    writes: tuple[str, ...] = ()  # "table.column" or "table"
    route: Route = field(default_factory=lambda: Next(to=END))
    timeout_s: float | None = None  # these, and `max_attempts` and `cache`, override the actor's
    queue_timeout_s: float | None = None
    step_timeout_s: float | None = None
    max_attempts: int | None = None
    cache: bool | None = None  # whether a model's answers are kept, and used again
    after: tuple[str, ...] = ()  # the steps that it waits for; none: it follows whichever leads to it
    join: Join = Join.ALL
    on_failure: str = ""  # where the flow goes on when the step has failed; "": it ends there
    on_quarantine: str = ""
    on_timeout: str = ""
    asking: Asking | None = None  # of a step that a person does
    stop: Stop | None = None  # when its last results pause the run


@dataclass(frozen=True, kw_only=True)
class Param:
    """A declared parameter of a workflow. `type` is string, integer, number or boolean."""

    name: str
    type: str
    default: Any = None
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A versioned definition: steps in file order and the routes between them. The first step is the root."""

    name: str
    path: str
    collection: str
    params: Mapping[str, Param]
    steps: Mapping[str, Step]
    ensures: tuple[str, ...] = ()  # CEL over `record` and count(table)
    ensures_run: tuple[str, ...] = ()  # CEL over `run` and the outputs of the steps that run once
    ensures_sql: tuple[str, ...] = ()  # paths of queries that name the records which are not as they should be
    ensures_run_sql: tuple[str, ...] = ()  # paths of queries that give the rows which should not be there
    limits: Limits = field(default_factory=Limits)
    timeout_s: float | None = None  # how long a run may take; what is left of it is cancelled then
    select: str = ""  # where its records come from: "all", the path of a query, or "" for a step that brings them
    canary: Canary | None = None  # the records that go first, and what must hold of them

    @property
    def root(self) -> Step:
        return next(iter(self.steps.values()))


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project folder, read whole. `files` are the bytes of every file a definition names, by path in the project."""

    id: str
    name: str
    collections: Mapping[str, CollectionSpec]
    servers: Mapping[str, ServerSpec]
    models: Mapping[str, ModelSpec]
    scripts: Mapping[str, ScriptSpec]
    queries: Mapping[str, QuerySpec]
    workflows: Mapping[str, Workflow]
    schedules: Mapping[str, ScheduleSpec]
    files: Mapping[str, bytes]
    currency: str = ""  # of all prices; "" where it is not named
    retention: Mapping[str, int] = field(default_factory=dict)  # days that each class of contents is kept
    drift: Policies = field(default_factory=Policies)  # what a change of what was approved does
    alerts: AlertsSpec | None = None  # None: nothing is sent

    @property
    def secret_variables(self) -> frozenset[str]:
        """The variables that wave.toml names as those of secrets of its own."""
        keys = {server.api_key_env for server in self.servers.values()}
        return frozenset(keys | {self.alerts.secret_env if self.alerts else ""}) - {""}
