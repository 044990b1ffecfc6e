-- Definitions, work and proof: docs/design/architecture.md says how the tables hang together.
-- Names are unqualified: the migration runs with search_path set to the project's schema.

-- The oldest version of the schema whose programs may work with this one. A migration that only adds something leaves it as it
-- is: runners of the version before go on while their successors start. One that takes something away replaces it.
CREATE FUNCTION works_since() RETURNS text LANGUAGE sql IMMUTABLE RETURN '0001';

-- ─── the project ─────────────────────────────────────────────────────────────────────────────────

-- One project per schema; a stranger is refused.
CREATE TABLE project (
    only_one    boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    project_id  text NOT NULL CHECK (project_id <> ''),
    name        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- The project's own SQL files, each applied once; a file that changes afterwards is refused.
CREATE TABLE project_files (
    path        text PRIMARY KEY,
    sha256      bytea NOT NULL CHECK (length(sha256) = 32),
    applied_at  timestamptz NOT NULL DEFAULT now()
);

-- ─── definitions ─────────────────────────────────────────────────────────────────────────────────

CREATE TABLE definitions (
    definition_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind           text NOT NULL CHECK (kind IN
                       ('workflow', 'step', 'script', 'file', 'prompt', 'schema', 'model', 'actor', 'sql')),
    name           text NOT NULL CHECK (name <> ''),
    sha256         bytea NOT NULL,
    body           bytea NOT NULL,
    first_seen     timestamptz NOT NULL DEFAULT now(),
    approved_at    timestamptz,
    approved_by    text,
    UNIQUE (kind, name, sha256),
    -- The address is the content: nothing can be put under a hash that is not its own.
    CHECK (sha256 = pg_catalog.sha256(body)),
    CHECK ((approved_at IS NULL) = (approved_by IS NULL))
);
CREATE INDEX definitions_by_hash ON definitions (sha256);

CREATE TABLE actors (
    actor_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL UNIQUE CHECK (name <> ''),
    kind           text NOT NULL CHECK (kind IN ('ai_model', 'script', 'sql', 'human', 'route')),
    definition_id  bigint NOT NULL REFERENCES definitions,          -- what is approved
    drifted_to_id  bigint REFERENCES definitions,                   -- what a host's folder holds instead
    weights        text CHECK (weights <> ''),                      -- of a model: the digest that is approved, once it was loaded
    weights_found  text CHECK (weights_found <> weights),           -- what its server holds instead
    drifted_at     timestamptz,
    policy         text NOT NULL DEFAULT 'block' CHECK (policy IN ('warn', 'pin', 'approve', 'block')),  -- core/drift.py
    state          text NOT NULL GENERATED ALWAYS AS
                       (CASE WHEN drifted_to_id IS NULL AND weights_found IS NULL THEN 'active' ELSE 'drifted' END) STORED,
    -- Nothing of it may be begun. Weights cannot be pinned: those that were approved are gone from the server.
    stopped        boolean NOT NULL GENERATED ALWAYS AS
                       (drifted_to_id IS NOT NULL AND policy = 'block' OR weights_found IS NOT NULL AND policy <> 'warn') STORED,
    paused_at      timestamptz,                                     -- nothing of it is begun until somebody resumes it
    paused_by      text,
    CHECK ((drifted_at IS NULL) = (drifted_to_id IS NULL AND weights_found IS NULL)),
    CHECK (weights_found IS NULL OR weights IS NOT NULL),
    CHECK ((paused_at IS NULL) = (paused_by IS NULL))
);

CREATE TABLE workflows (
    workflow_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL UNIQUE CHECK (name <> ''),
    definition_id  bigint NOT NULL REFERENCES definitions,      -- what is approved; what a run follows, it has pinned
    drifted_to_id  bigint REFERENCES definitions,
    drifted_at     timestamptz,
    policy         text NOT NULL DEFAULT 'warn' CHECK (policy IN ('warn', 'pin', 'approve', 'block')),
    stopped        boolean NOT NULL GENERATED ALWAYS AS (drifted_to_id IS NOT NULL AND policy = 'block') STORED,
    paused_at      timestamptz,                                 -- so are all its runs, those to come among them
    paused_by      text,
    CHECK ((drifted_at IS NULL) = (drifted_to_id IS NULL)),
    CHECK ((paused_at IS NULL) = (paused_by IS NULL))
);

CREATE TABLE steps (
    step_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workflow_id  bigint NOT NULL REFERENCES workflows,
    name         text NOT NULL CHECK (name <> ''),
    UNIQUE (workflow_id, name)
);

-- A small id for each work key and template: claims and the planner go by it.
CREATE TABLE queues (
    queue_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    work_key  text NOT NULL,                -- model key, version of a script or of a query: what must be at hand
    template  text NOT NULL,                -- prompt hash: inside a model, one prefix at a time
    lane      text NOT NULL,                -- 'scripts', 'sql', 'people', 'routes', or the model server's name
    actor_id  bigint NOT NULL REFERENCES actors,
    needs     text[] NOT NULL DEFAULT '{}', -- labels that a runner must have
    samples   integer NOT NULL DEFAULT 0,   -- attempts that have been measured, as far as they are still counted
    p99_s     double precision NOT NULL DEFAULT 0,
    UNIQUE (work_key, template, actor_id)
);

-- How long attempts have taken, in buckets of equal ratio: core/patience.py. Old ones fade: all are halved from time to time.
CREATE TABLE durations (
    queue_id  bigint NOT NULL REFERENCES queues,
    bucket    smallint NOT NULL,
    n         integer NOT NULL CHECK (n > 0),
    PRIMARY KEY (queue_id, bucket)
);

-- ─── work ────────────────────────────────────────────────────────────────────────────────────────

CREATE TYPE interaction_state AS ENUM
    ('blocked', 'pending', 'running', 'waiting', 'completed', 'failed', 'quarantined', 'skipped', 'cancelled', 'invalidated');

-- Who wants the history of old months dropped, and who else agrees. The ranges that go are set then; each of them goes in a transaction
-- of its own, once the log that is signed says so.
CREATE TABLE drops (
    drop_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    before        date NOT NULL CHECK (before = date_trunc('month', before)),   -- months that began earlier
    basis         text NOT NULL CHECK (basis <> ''),        -- on what ground; events commit to it
    basis_nonce   bytea NOT NULL CHECK (length(basis_nonce) = 32),
    requested_by  text NOT NULL CHECK (requested_by <> ''),
    requested_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    withdrawn_at  timestamptz,
    approved_by   text CHECK (lower(approved_by) <> lower(requested_by)),
    approved_at   timestamptz,
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (withdrawn_at IS NULL OR approved_at IS NULL)
);
CREATE UNIQUE INDEX drops_one_open ON drops ((true)) WHERE withdrawn_at IS NULL AND approved_at IS NULL;

-- Run ids are dealt out in ranges, a new range each month, so that a month can be dropped whole.
-- Run 0 is no run: events that belong to none carry it, lie in a partition of their own, and are never dropped.
CREATE TABLE run_ranges (
    first_run   bigint PRIMARY KEY CHECK (first_run > 0),
    following   bigint NOT NULL,                                -- the first run behind it
    month       date NOT NULL,                                  -- in which it was opened, and its runs were started
    drop_id     uuid REFERENCES drops,                          -- two people have ordered that it goes: nothing of it is begun again
    dropped_at  timestamptz,                                    -- and it has gone
    CHECK (following > first_run),
    CHECK (dropped_at IS NULL OR drop_id IS NOT NULL)
);
CREATE SEQUENCE run_ids;
CREATE SEQUENCE interaction_ids;
CREATE SEQUENCE event_ids;          -- CACHE 1: an event that saw another one committed has the larger id
CREATE SEQUENCE payload_ids;
CREATE SEQUENCE staged_ids;
CREATE SEQUENCE value_write_ids;

CREATE TABLE workflow_runs (
    run_id          bigint PRIMARY KEY,
    workflow_id     bigint NOT NULL REFERENCES workflows,
    definition_id   bigint NOT NULL REFERENCES definitions,     -- the workflow file's bytes
    -- Anything but a run is an experiment: of one step, beside the real work (core/experiment.py).
    kind            text NOT NULL DEFAULT 'run' CHECK (kind IN ('run', 'trial', 'repeat', 'eval', 'shadow')),
    params          text NOT NULL,                              -- canonical JSON
    record_limit    bigint CHECK (record_limit > 0),
    selection       text,                                       -- canonical JSON: the filter of `--where`
    canary          bigint CHECK (canary > 0),                  -- so many records go first, and the others wait for a verdict on them
    canary_verdict  text CHECK (canary_verdict IN ('passed', 'failed')),
    priority        integer NOT NULL,
    correlation_id  uuid NOT NULL,
    state           text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'completed', 'failed', 'cancelled')),
    paused_at       timestamptz,
    paused_by       text,
    cancelled_at    timestamptz,                                -- since then nothing of it is begun; it ends when nothing of it lives
    cancelled_by    text,
    currency        text CHECK (currency <> ''),                -- of the prices that its steps pin; NULL: not named
    started_by      text NOT NULL,
    started_at      timestamptz NOT NULL DEFAULT now(),
    ends_by         timestamptz,                                -- what is left of it then is cancelled
    asks_anew       boolean NOT NULL DEFAULT false,             -- its models are asked, whatever answers are recorded
    takes_again     boolean NOT NULL DEFAULT false,             -- what a run of this kind left incomplete is selected, though nothing has changed
    ended_at        timestamptz,
    reason          text CHECK (reason IN ('selection_failed', 'step_failed', 'rows_undecided', 'postcondition_failed')),
    broken          text,                                       -- JSON array: the `ensures_run` that do not hold, and why
    revalidates     bigint REFERENCES workflow_runs,            -- the run whose staged rows it takes up, instead of fetching
    CHECK ((state = 'running') = (ended_at IS NULL)),
    CHECK ((state = 'failed') = (reason IS NOT NULL)),
    CHECK (broken IS NULL OR state = 'failed'),
    CHECK ((paused_at IS NULL) = (paused_by IS NULL)),
    CHECK (canary_verdict IS NULL OR canary IS NOT NULL),
    CHECK ((cancelled_at IS NULL) = (cancelled_by IS NULL)),
    CHECK (state <> 'cancelled' OR cancelled_at IS NOT NULL)
);
CREATE INDEX workflow_runs_live ON workflow_runs (run_id) WHERE state = 'running';

-- How many rows the run's target tables had when it began and when it ended, and of each column that it may write how
-- many values. A count that took too long is NULL.
CREATE TABLE run_counts (
    run_id       bigint NOT NULL REFERENCES workflow_runs,
    table_name   text NOT NULL,
    column_name  text NOT NULL,                                 -- '*': rows
    at_start     bigint,
    at_end       bigint,
    PRIMARY KEY (run_id, table_name, column_name)
);

-- What somebody should look at; raised once for a run and kind.
CREATE TABLE alerts (
    run_id     bigint NOT NULL REFERENCES workflow_runs,
    kind       text NOT NULL CHECK (kind IN ('nothing_saved', 'nothing_found', 'sudden_drop', 'budget_exceeded', 'batch_stopped', 'canary_failed', 'batch_held')),
    message    text NOT NULL,
    raised_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, kind)
);

-- Generation 0 is the run itself; each rerun pins its own definitions. One rerun may be of several runs.
CREATE SEQUENCE rerun_ids;
CREATE TABLE reruns (
    run_id        bigint NOT NULL REFERENCES workflow_runs,
    generation    bigint NOT NULL,
    pinned_at     timestamptz NOT NULL DEFAULT now(),
    from_step     text,
    leads_on      boolean NOT NULL DEFAULT true,                -- false: only that step is redone, and what stood behind it stays
    reason        text,
    reason_nonce  bytea CHECK (length(reason_nonce) = 32),      -- of the commitment that its event carries
    ordered_by    text,
    undone_at     timestamptz,
    undone_by     text,
    PRIMARY KEY (run_id, generation),
    CHECK ((generation = 0) = (from_step IS NULL)),
    CHECK ((generation = 0) = (reason IS NULL) AND (reason IS NULL) = (reason_nonce IS NULL) AND (reason IS NULL) = (ordered_by IS NULL)),
    CHECK ((undone_at IS NULL) = (undone_by IS NULL))
);

-- What is tried beside the real work: one step, on inputs that are recorded, as the folder has it or with `changes`.
CREATE TABLE experiments (
    run_id        bigint PRIMARY KEY REFERENCES workflow_runs,
    step          text NOT NULL,
    asked         integer NOT NULL CHECK (asked > 0),           -- so many inputs were wanted; of a shadow the most it is given
    times         integer NOT NULL DEFAULT 1 CHECK (times > 0), -- and each done so often
    seed          text,                                         -- what the sample was drawn by; NULL: a gold set says which
    gold          text,                                         -- path of the gold set
    changes       text NOT NULL,                                -- canonical JSON: what the step has instead of the folder's own
    adopted_at    timestamptz,                                  -- a trial: since then the folder has it
    adopted_by    text,
    reason        text CHECK (reason <> ''),
    reason_nonce  bytea CHECK (length(reason_nonce) = 32),      -- of the commitment that its event carries
    source_run_id bigint REFERENCES workflow_runs,              -- a shadow: the run whose results it is given as they come,
    share         double precision CHECK (share > 0 AND share <= 1),    -- of this share of the records,
    looked_to     bigint,                                       -- told in the log before this index,
    fed           integer,                                      -- so many of them so far,
    closed_at     timestamptz,                                  -- and none since then
    CHECK (num_nulls(source_run_id, share, looked_to, fed) IN (0, 4)),
    CHECK (closed_at IS NULL OR source_run_id IS NOT NULL),
    CHECK ((seed IS NULL) = (gold IS NOT NULL)),
    CHECK ((adopted_at IS NULL) = (adopted_by IS NULL) AND (adopted_at IS NULL) = (reason IS NULL) AND (reason IS NULL) = (reason_nonce IS NULL))
);
CREATE INDEX experiments_fed ON experiments (run_id) WHERE source_run_id IS NOT NULL AND closed_at IS NULL;

-- Results that somebody has found wrong, and why.
CREATE TABLE invalidations (
    invalidation_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workflow         text NOT NULL,
    step             text NOT NULL,
    reason           text NOT NULL CHECK (reason <> ''),
    reason_nonce     bytea NOT NULL CHECK (length(reason_nonce) = 32),
    ordered_by       text NOT NULL,
    ordered_at       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE run_steps (
    run_step_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id         bigint NOT NULL,
    generation     bigint NOT NULL,
    step_id        bigint NOT NULL REFERENCES steps,
    position       integer NOT NULL,                            -- order in the workflow file
    actor_id       bigint NOT NULL REFERENCES actors,
    definition_id  bigint NOT NULL REFERENCES definitions,      -- the step, resolved, with the hash of all it uses
    queue_id       bigint NOT NULL REFERENCES queues,
    queue_s        double precision,                            -- how long a record may wait for its first attempt; NULL: no limit
    step_s         double precision,                            -- how long it may take in all
    FOREIGN KEY (run_id, generation) REFERENCES reruns,
    UNIQUE (run_id, generation, step_id)
);

-- When each schedule of the folder is due next, by the database's clock.
-- Of a step with a `stop`: its last results, a character each, the newest last (core/stopping.py).
CREATE TABLE last_results (
    run_step_id  bigint PRIMARY KEY REFERENCES run_steps,
    run_id       bigint NOT NULL REFERENCES workflow_runs,
    size         integer NOT NULL CHECK (size > 0),
    recent       text NOT NULL
);

CREATE TABLE schedules (
    name        text PRIMARY KEY CHECK (name <> ''),
    cron        text NOT NULL,
    timezone    text NOT NULL,
    next_at     timestamptz,                                    -- NULL: the folder no longer has it, or never again
    blocked_at  timestamptz,                                    -- the time that could not be fired
    blocked_by  text,                                           -- and why
    CHECK ((blocked_at IS NULL) = (blocked_by IS NULL))
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;

-- Each time of a schedule starts one run.
CREATE TABLE firings (
    schedule  text NOT NULL REFERENCES schedules,
    due_at    timestamptz NOT NULL,
    run_id    bigint NOT NULL REFERENCES workflow_runs,
    fired_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (schedule, due_at)
);

-- Identity only: the data lives in the user's own table. Of a record that comes from a source: which batch had it last, and
-- which batch, whole, had it no more.
CREATE TABLE records (
    record_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection   text NOT NULL,
    key          text NOT NULL CHECK (key <> ''),
    seen_in      bigint REFERENCES workflow_runs,               -- NULL: it never came from staging
    vanished_in  bigint REFERENCES workflow_runs,               -- NULL: it is there
    vanished_at  timestamptz,
    UNIQUE (collection, key),
    CHECK ((vanished_in IS NULL) = (vanished_at IS NULL)),
    CHECK (vanished_in > seen_in)
);

CREATE TABLE run_records (
    run_id          bigint NOT NULL REFERENCES workflow_runs,
    record_id       bigint NOT NULL REFERENCES records,
    workflow_id     bigint REFERENCES workflows,                -- whose flow it is; NULL: an experiment's, which is none
    correlation_id  uuid NOT NULL DEFAULT gen_random_uuid(),
    live            integer NOT NULL CHECK (live >= 0),
    -- live: work is under way · ended: nothing left to do, `ensures` not checked yet · the rest is the verdict
    state           text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'ended', 'completed', 'incomplete')),
    broken          text,                                       -- JSON array: the `ensures` that do not hold, and why
    read_hash       bytea CHECK (length(read_hash) = 32),       -- of what its first step read of the row: `select` compares
    settled_at      timestamptz,
    PRIMARY KEY (run_id, record_id),
    CHECK ((state = 'live') = (live > 0)),
    CHECK ((state IN ('completed', 'incomplete')) = (settled_at IS NOT NULL)),
    CHECK ((state = 'incomplete') = (broken IS NOT NULL))
);
-- One live flow per record and workflow, over all runs.
CREATE UNIQUE INDEX run_records_one_flow ON run_records (workflow_id, record_id) WHERE state = 'live';
CREATE INDEX run_records_ended ON run_records (run_id) WHERE state = 'ended';
CREATE INDEX run_records_incomplete ON run_records (run_id) WHERE state = 'incomplete';
CREATE INDEX run_records_record ON run_records (record_id, workflow_id, run_id);

CREATE TABLE runners (
    runner_id     uuid PRIMARY KEY,
    host          text NOT NULL,
    pid           integer NOT NULL,
    version       text NOT NULL,
    labels        text[] NOT NULL,              -- what it has that actors may need
    servers       text[] NOT NULL,              -- what it can ask
    script_slots  integer NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT now(),
    heartbeat_at  timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz,
    told          text NOT NULL DEFAULT 'work' CHECK (told IN ('work', 'pause', 'drain', 'stop'))
);

-- A local model server has one owner; the others wait for the lease to end.
CREATE TABLE server_owners (
    server            text PRIMARY KEY,
    runner_id         uuid NOT NULL REFERENCES runners,
    lease_expires_at  timestamptz NOT NULL
);

-- The waves between one load of a model and its unload.
CREATE TABLE visits (
    visit_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    runner_id  uuid NOT NULL REFERENCES runners,
    server     text NOT NULL,
    model      text NOT NULL,
    digest     text NOT NULL,                -- of the weights, as far as the server can say
    loaded     boolean NOT NULL,             -- false: the model was resident already
    load_us    bigint NOT NULL,
    opened_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX visits_loads ON visits (server, model, visit_id) WHERE loaded;

CREATE TABLE waves (
    wave_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    runner_id         uuid NOT NULL REFERENCES runners,
    runner_seq        bigint NOT NULL,
    queue_id          bigint NOT NULL REFERENCES queues,
    server            text,
    slot              integer,
    visit_id          bigint REFERENCES visits,
    size              integer NOT NULL,
    opened_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_expires_at  timestamptz NOT NULL,
    closed_at         timestamptz,
    -- After an ambiguous COMMIT one look-up by this key says whether the wave is ours.
    UNIQUE (runner_id, runner_seq),
    CHECK ((server IS NULL) = (slot IS NULL))
);
CREATE UNIQUE INDEX waves_one_per_slot ON waves (server, slot) WHERE closed_at IS NULL AND server IS NOT NULL;
CREATE INDEX waves_open ON waves (lease_expires_at) WHERE closed_at IS NULL;
CREATE INDEX waves_queue ON waves (queue_id, opened_at);
CREATE INDEX waves_visit ON waves (visit_id) WHERE visit_id IS NOT NULL;

CREATE TABLE interactions (
    run_id          bigint NOT NULL,
    interaction_id  bigint NOT NULL DEFAULT nextval('interaction_ids'),
    run_step_id     bigint NOT NULL,
    queue_id        bigint NOT NULL,                        -- of its step
    record_id       bigint,                                 -- NULL: a `once` step
    correlation_id  uuid NOT NULL,
    item            integer NOT NULL DEFAULT 0,
    iteration       integer NOT NULL DEFAULT 0,
    generation      bigint NOT NULL DEFAULT 0,
    parent_id       bigint,                                 -- with parent_seq: the event that created this
    parent_seq      integer,
    rank            integer NOT NULL DEFAULT 0,             -- lower goes first
    state           interaction_state NOT NULL DEFAULT 'pending',
    in_force        boolean NOT NULL DEFAULT true,
    superseded_by   bigint,                                 -- the rerun that has taken it out of force
    ready_at        timestamptz,                            -- not before; NULL: now
    wave_id         bigint,                                 -- the fence: whose wave has begun it
    suspect         integer,                                -- after a crash: the largest wave it may be claimed in
    attempt         integer NOT NULL DEFAULT 0,             -- so many were begun, whoever is to blame for their end
    errors          integer NOT NULL DEFAULT 0,             -- of them, failures that are its own: the budget of a step
    crashes         integer NOT NULL DEFAULT 0,             -- alone in a wave that died: a budget of its own
    seq             integer NOT NULL DEFAULT 0,             -- of its newest event
    input           text,
    input_nonce     bytea,
    output          text,
    output_nonce    bytea,
    error_class     text,
    rule            text,                                   -- of the contract that was broken; with `completed`: why it is doubted
    error           text,
    handled         boolean NOT NULL DEFAULT false,         -- broken, and its workflow says what happens then
    erased          boolean NOT NULL DEFAULT false,         -- what it was given and has given is gone, and an event says so
    tokens_in       integer,
    tokens_out      integer,
    service_us      bigint,
    created_at      timestamptz NOT NULL DEFAULT now(),
    waits_since     timestamptz NOT NULL DEFAULT now(),     -- its time limits count from then: created, or retried by a person
    started_at      timestamptz,
    finished_at     timestamptz,
    PRIMARY KEY (run_id, interaction_id),
    CHECK (state <> 'running' OR wave_id IS NOT NULL),
    CHECK (state <> 'pending' OR wave_id IS NULL),
    CHECK (errors <= attempt AND crashes <= attempt),
    CHECK (ready_at IS NULL OR state = 'pending'),
    CHECK ((finished_at IS NOT NULL) = (state IN ('completed', 'failed', 'quarantined', 'skipped', 'cancelled', 'invalidated'))),
    CHECK (finished_at IS NULL OR started_at IS NULL OR finished_at >= started_at),
    CHECK (CASE WHEN erased THEN finished_at IS NOT NULL AND input IS NULL AND output IS NULL
                ELSE (output IS NOT NULL) = (state IN ('completed', 'invalidated')) END),
    CHECK (superseded_by IS NULL OR NOT in_force),
    CHECK (NOT handled OR state IN ('failed', 'quarantined')),
    CHECK (state NOT IN ('failed', 'quarantined', 'cancelled') OR error IS NOT NULL),
    CHECK ((parent_id IS NULL) = (parent_seq IS NULL)),
    CHECK ((input IS NULL) = (input_nonce IS NULL)),
    CHECK ((output IS NULL) = (output_nonce IS NULL))
) PARTITION BY RANGE (run_id);
-- A step of a record exists once in a generation, and once in force. No key but the primary one begins with run_id: as long
-- as the table is small, the planner takes any index whose first column it knows.
CREATE UNIQUE INDEX interactions_once ON interactions
    (record_id, run_step_id, run_id, item, iteration, generation) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX interactions_in_force ON interactions
    (record_id, run_step_id, run_id, item, iteration) NULLS NOT DISTINCT WHERE in_force;
CREATE INDEX interactions_delayed ON interactions (ready_at) WHERE ready_at IS NOT NULL;
-- What went wrong. By no column that most interactions ever change: an update of theirs need not touch the indexes.
CREATE INDEX interactions_trouble ON interactions (run_id, record_id) WHERE error IS NOT NULL OR rule IS NOT NULL;

-- What can be claimed now, and nothing else: work that is delayed, parked or claimed must not stand in a claim's way, and a
-- claim leaves the wide rows of `interactions` alone. Who makes an interaction pending puts it here, in the same transaction.
-- A row whose interaction is not pending any more is dropped by the claim that meets it.
CREATE TABLE claimable (
    queue_id        bigint NOT NULL,
    rank            integer NOT NULL,
    interaction_id  bigint NOT NULL,
    run_id          bigint NOT NULL,
    run_step_id     bigint NOT NULL,
    suspect         integer,
    PRIMARY KEY (queue_id, rank, interaction_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- What open waves have in hand, begun or not: rows are added by the claim and go when the wave is closed, or when what they
-- name is given back.
CREATE TABLE claimed (
    wave_id         bigint NOT NULL,
    interaction_id  bigint NOT NULL,
    run_id          bigint NOT NULL,
    PRIMARY KEY (wave_id, interaction_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- Where an interaction comes from besides its parent: what led to a join, and whose outputs were read.
CREATE TABLE interaction_inputs (
    run_id          bigint NOT NULL,
    interaction_id  bigint NOT NULL,
    source_id       bigint NOT NULL,
    PRIMARY KEY (run_id, interaction_id, source_id)
) PARTITION BY RANGE (run_id);

-- What a step with `after` waits for: how many of its inputs have settled, and how. There is a row for each round of
-- each record, made by the first input that settles; its lock decides which of two that settle at once are the last.
CREATE TABLE joins (
    run_id          bigint NOT NULL,
    record_id       bigint NOT NULL REFERENCES records,
    run_step_id     bigint NOT NULL REFERENCES run_steps,
    iteration       integer NOT NULL,
    generation      bigint NOT NULL,
    more            integer NOT NULL DEFAULT 0,             -- inputs beyond one for each step: items of a list
    arrived         integer NOT NULL DEFAULT 0,
    failed          integer NOT NULL DEFAULT 0,
    skipped         integer NOT NULL DEFAULT 0,
    not_taken       integer NOT NULL DEFAULT 0,
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'gone', 'skipped', 'left_out')),
    interaction_id  bigint,                                 -- NULL: nothing has arrived
    PRIMARY KEY (run_id, record_id, run_step_id, iteration, generation),
    CHECK (state <> 'gone' OR interaction_id IS NOT NULL)
) PARTITION BY RANGE (run_id);

-- What people are asked: one row for each interaction that waits for them, shown with exactly the interaction's input.
-- A claim is a lease: when it has expired, the next person may take the task. Its token fences what the claimer does.
CREATE TABLE tasks (
    run_id            bigint NOT NULL,
    interaction_id    bigint NOT NULL,
    queue             text NOT NULL CHECK (queue <> ''),
    title             text NOT NULL,
    priority          integer NOT NULL,                     -- higher goes first
    due_at            timestamptz,
    escalate          text CHECK (escalate <> ''),          -- the queue it moves to when it is overdue
    escalated_at      timestamptz,
    needs             integer NOT NULL CHECK (needs > 0),   -- so many people must say the same
    blind             boolean NOT NULL,
    prefill           boolean NOT NULL,                     -- its form begins with what is proposed for it
    bulk              boolean NOT NULL,                     -- one answer may be given to many like it
    round             integer NOT NULL DEFAULT 1,           -- grows when it is sent back: earlier decisions count no more
    asked_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_by        text,
    claim_token       uuid,
    claimed_at        timestamptz,
    claim_expires_at  timestamptz,
    draft             text,                                 -- canonical JSON of what the claimer has filled in so far
    decided_at        timestamptz,                          -- NULL: open
    withdrawn         boolean NOT NULL DEFAULT false,       -- closed without a decision: what it was for is cancelled
    PRIMARY KEY (run_id, interaction_id),
    CHECK (NOT withdrawn OR decided_at IS NOT NULL),
    CHECK ((claimed_by IS NULL) = (claim_token IS NULL)),
    CHECK ((claimed_by IS NULL) = (claimed_at IS NULL)),
    CHECK ((claimed_by IS NULL) = (claim_expires_at IS NULL)),
    CHECK (draft IS NULL OR claimed_by IS NOT NULL),
    CHECK (NOT bulk OR needs = 1),
    CHECK (escalated_at IS NULL OR escalate IS NOT NULL)
) PARTITION BY RANGE (run_id);
CREATE INDEX tasks_open ON tasks (queue, priority DESC, due_at, interaction_id) WHERE decided_at IS NULL;
CREATE INDEX tasks_overdue ON tasks (due_at) WHERE decided_at IS NULL AND escalate IS NOT NULL AND escalated_at IS NULL;
CREATE INDEX tasks_number ON tasks (interaction_id);
CREATE INDEX tasks_decided ON tasks (run_id, interaction_id) WHERE decided_at IS NOT NULL AND NOT withdrawn;

-- What people have said. Nobody speaks twice in one round: that is what makes several pairs of eyes several.
CREATE TABLE decisions (
    run_id          bigint NOT NULL,
    interaction_id  bigint NOT NULL,
    round           integer NOT NULL,
    person          text NOT NULL CHECK (person <> ''),
    answer          text,                                   -- canonical JSON that fits the form; NULL: sent back
    comment         text CHECK (comment <> ''),
    claim_token     uuid NOT NULL,
    seconds         double precision NOT NULL CHECK (seconds >= 0),     -- from the claim, by the database's clock
    decided_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, interaction_id, round, person),
    CHECK (answer IS NOT NULL OR comment IS NOT NULL)
) PARTITION BY RANGE (run_id);

-- A task is decided by as many people as it needs, whoever says otherwise.
CREATE FUNCTION check_eyes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    spoken bigint;
BEGIN
    SELECT count(*) INTO spoken FROM decisions d
    WHERE d.run_id = new.run_id AND d.interaction_id = new.interaction_id AND d.round = new.round AND d.answer IS NOT NULL;
    IF spoken < new.needs THEN
        RAISE EXCEPTION 'task % needs % people, and % have decided', new.interaction_id, new.needs, spoken
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER enough_eyes BEFORE INSERT OR UPDATE OF decided_at ON tasks FOR EACH ROW
    WHEN (new.decided_at IS NOT NULL AND NOT new.withdrawn) EXECUTE FUNCTION check_eyes();

CREATE TABLE fan_outs (
    run_id          bigint NOT NULL REFERENCES workflow_runs,
    interaction_id  bigint,                                 -- whose `each` this is; NULL: the workflow's `select`
    run_step_id     bigint NOT NULL REFERENCES run_steps,   -- what it creates
    after_staged    bigint NOT NULL DEFAULT 0,              -- the last staged row that has been dealt with
    after_key       text,                                   -- the same for a `select`; NULL: none yet
    begun           bigint NOT NULL DEFAULT 0,              -- records, so far
    room            bigint,                                 -- so many before it waits for the verdict on the canary; NULL: it does not
    again           bigint NOT NULL DEFAULT 0,              -- begun, because their last flow was incomplete
    unchanged       bigint NOT NULL DEFAULT 0,              -- nothing has changed since
    under_way       bigint NOT NULL DEFAULT 0,              -- in this workflow, in whatever run
    left_incomplete bigint NOT NULL DEFAULT 0,              -- left so: they would come out as they did
    vanished        bigint NOT NULL DEFAULT 0,              -- its source has them no more
    erased          bigint NOT NULL DEFAULT 0,              -- the table refers to a record that was erased
    error           text,                                   -- why nothing could be selected
    closed_at       timestamptz,
    UNIQUE NULLS NOT DISTINCT (run_id, interaction_id),
    CHECK (error IS NULL OR closed_at IS NOT NULL)
);
CREATE INDEX fan_outs_open ON fan_outs (run_id) WHERE closed_at IS NULL;

-- Raw input as it came. Nothing reaches a production table but from here, by a decision.
CREATE TABLE staged_records (
    run_id          bigint NOT NULL,
    staged_id       bigint NOT NULL DEFAULT nextval('staged_ids'),
    interaction_id  bigint NOT NULL,
    collection      text NOT NULL,
    source          text NOT NULL,
    position        json,                                   -- where in the source: a fetch resumes behind it
    raw             json,                                   -- json, not jsonb: as it came, escaped NULs included. NULL: erased
    -- promoted: a new record · updated, unchanged: of a record that was there, in what its workflow reads · revalidated: a later
    -- batch has it once more · rolled_back: it was promoted or updated, and that was taken back
    state           text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'promoted', 'updated', 'unchanged', 'rejected', 'revalidated', 'rolled_back')),
    errors          jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(errors) = 'array'),
    record_id       bigint REFERENCES records,
    staged_at       timestamptz NOT NULL DEFAULT now(),
    decided_at      timestamptz,
    decider_id      bigint,                                 -- the interaction that decided
    decided_by      text CHECK (decided_by <> ''),          -- or the person
    again_in        bigint REFERENCES workflow_runs,        -- the batch that has it once more
    copy_of         bigint,                                 -- the row that it is once more, of the batch that its run revalidates
    PRIMARY KEY (run_id, staged_id),
    CHECK (raw IS NOT NULL OR state <> 'waiting'),
    CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CHECK ((decided_at IS NULL) = (decider_id IS NULL AND decided_by IS NULL)),
    CHECK (state NOT IN ('promoted', 'updated', 'unchanged') OR record_id IS NOT NULL),
    CHECK (CASE state WHEN 'rejected' THEN errors <> '[]' WHEN 'revalidated' THEN true ELSE errors = '[]' END),
    CHECK ((state = 'revalidated') = (again_in IS NOT NULL))
) PARTITION BY RANGE (run_id);
CREATE INDEX staged_records_waiting ON staged_records (run_id, staged_id) WHERE state = 'waiting';
CREATE INDEX staged_records_rejected ON staged_records (run_id) WHERE state = 'rejected';
CREATE INDEX staged_records_position ON staged_records (run_id, interaction_id, staged_id);
-- Where a record came from.
CREATE INDEX staged_records_record ON staged_records (record_id) WHERE record_id IS NOT NULL;

-- A batch that is whole: what one run has staged, of which every step that did so has said that it has read its source to the
-- end. What the source had before and the batch has not has vanished; where that is too much at once, a person says whether it has.
CREATE TABLE batches (
    run_id        bigint PRIMARY KEY REFERENCES workflow_runs,
    fetcher_ids   bigint[] NOT NULL,                        -- the interactions that have said so
    state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled', 'held', 'approved', 'refused', 'rolled_back')),
    known         bigint,                                   -- records that the source had before
    vanished      bigint,                                   -- of them, those that are not in it
    settled_at    timestamptz,
    decided_by    text CHECK (decided_by <> ''),
    reason        text CHECK (reason <> ''),
    reason_nonce  bytea CHECK (length(reason_nonce) = 32),
    CHECK (state <> 'open' OR settled_at IS NULL),
    CHECK ((settled_at IS NULL) = (known IS NULL) AND (known IS NULL) = (vanished IS NULL)),
    CHECK (state NOT IN ('approved', 'refused') OR decided_by IS NOT NULL),
    CHECK ((decided_by IS NULL) = (reason IS NULL) AND (reason IS NULL) = (reason_nonce IS NULL))
);

-- What somebody has said of staged rows of a batch, and why.
CREATE TABLE staging_orders (
    order_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id        bigint NOT NULL REFERENCES workflow_runs,
    kind          text NOT NULL CHECK (kind IN ('revalidate', 'promote', 'reject', 'roll_back')),
    rows          bigint NOT NULL CHECK (rows > 0),
    again_in      bigint REFERENCES workflow_runs,              -- the run that takes them up
    reason        text NOT NULL CHECK (reason <> ''),
    reason_nonce  bytea NOT NULL CHECK (length(reason_nonce) = 32),
    ordered_by    text NOT NULL CHECK (ordered_by <> ''),
    ordered_at    timestamptz NOT NULL DEFAULT now(),
    CHECK ((kind IN ('revalidate', 'promote')) = (again_in IS NOT NULL))
);

-- ─── proof ───────────────────────────────────────────────────────────────────────────────────────

CREATE TYPE event_type AS ENUM (
    'run_started', 'run_completed', 'run_failed', 'run_cancelled', 'records_settled',
    'records_selected',                 -- a chunk of the records that a workflow selects
    'selection_failed',                 -- the database refuses the query of a `select`; its run fails
    'interaction_started',              -- pending → running: handed to its actor
    'interaction_completed',            -- running → completed; its children are named by their cause
    'interaction_failed',               -- running → failed: the retry budget is spent, or no retry can help
    'interaction_quarantined',          -- pending or running → quarantined: input or output broke the contract
    'interaction_retry_scheduled',      -- running → pending, not before a time
    'interaction_released',             -- running → pending: its runner stopped; nothing is charged
    'interaction_lease_expired',        -- running → pending: its runner was lost
    'interaction_unblocked',            -- blocked → pending: what it waits for has settled
    'interaction_skipped',              -- blocked → skipped, or made so: what it needs did not complete
    'interaction_cancelled',            -- pending, running or waiting → cancelled: somebody has said so
    'interaction_retried',              -- failed or quarantined → pending: somebody has said so
    'interaction_set_aside',            -- stays skipped, and is out of force: what skipped it is tried again
    'interaction_superseded',           -- stays what it is, out of force: a rerun redoes it, or was undone
    'interaction_restored',             -- in force again: the rerun that had superseded it was undone
    'interaction_invalidated',          -- completed → invalidated: somebody has found it wrong, or what it was made from
    'interaction_doubted',              -- stays completed; its record is not, because of what came after it
    'interaction_waiting',              -- running → waiting: people are asked
    'task_claimed',                     -- a person looks at it; nobody else can decide until the claim expires
    'task_released',                    -- the claimer gives it back undecided
    'task_decided',                     -- one person's decision
    'task_sent_back',                   -- to be decided again from the start, with a comment
    'task_escalated',                   -- overdue: it waits in another queue now
    'interaction_fanned_out',           -- a chunk of an `each` became children
    'values_written',                   -- values of the user's tables were changed: a commitment to each row of value_writes
    'staging_written', 'staging_decided',
    'staging_completed',                -- a step has read its source to the end: what is not in its batch has vanished
    'records_vanished', 'records_returned',     -- a source has them no more; it has them again
    'batch_held',                       -- so much has vanished at once that a person has to say so
    'batch_approved', 'batch_refused',  -- somebody has
    'staging_revalidated', 'staging_promoted', 'staging_rejected', 'staging_rolled_back',   -- what somebody has said of staged rows
    'wave_opened', 'wave_closed', 'wave_expired', 'wave_late_result',
    'model_loaded', 'model_unloaded', 'model_load_failed',
    'breaker_opened', 'breaker_half_opened', 'breaker_closed',      -- a server or a model is left alone, tried, asked again
    'schedule_fired', 'schedule_missed', 'schedule_blocked',
    'alert_raised',                     -- a run has ended in a way that somebody should look at
    'notice_sent', 'notice_given_up',   -- an alert, or its end, was told outside; it could not be for a whole day
    'paused', 'resumed', 'cancelled', 'retried', 'budget_exceeded', 'budget_raised', 'canary_judged', 'batch_stopped', 'rerun_started', 'rerun_undone', 'invalidated', 'trial_adopted', 'shadow_fed', 'runner_told',    -- what somebody has said, of a run, a workflow, an actor, a runner
    'actor_registered', 'actor_drifted', 'actor_approved', 'actor_tightened', 'actor_restored',
    'workflow_registered', 'workflow_drifted', 'workflow_approved', 'workflow_tightened', 'workflow_restored',
    'log_verified',                     -- somebody has had the whole log verified
    'projection_verified', 'projection_diverged', 'projection_rebuilt', 'projection_swapped', 'projection_event_skipped',
    'erasure_requested', 'erasure_withdrawn', 'record_erased',
    'payload_erased',                   -- contents are gone, by their commitments: two people have said so
    'hold_placed', 'hold_released',     -- nothing of a record may be erased; it may again
    'retention_applied',                -- contents that were old enough are gone
    'drop_requested', 'drop_withdrawn',
    'drop_ordered',                     -- the history of a range of runs is to go, by its indexes in the log: two people have said so
    'history_dropped',                  -- and it has gone
    'access_granted', 'access_revoked', -- an access token was given to a person, and taken back
    'access_denied',                    -- somebody was not let in by HTTP; the data says how many more were not
    'session_opened', 'session_ended',  -- a browser is known by a cookie, and no more
    'view_saved', 'view_removed');      -- a list of the pages is kept as it is narrowed, and no longer

-- An event: typed columns and a small verbatim `data`. Form 1 is the meaning of these columns
-- (core/event.py); a later form may add columns, which are NULL in older rows.
-- Id, time, user and transaction are stamped by the database: nobody holds the right to give them.
-- The columns stand in the order of their alignment: there are many events, and gaps would be stored with each.
CREATE TABLE interaction_events (
    event_id              bigint NOT NULL DEFAULT nextval('event_ids'),
    run_id                bigint NOT NULL,
    interaction_id        bigint,
    cause_interaction_id  bigint,
    wave_id               bigint,
    recorded_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    xid                   xid8 NOT NULL DEFAULT pg_current_xact_id(),
    type                  event_type NOT NULL,
    seq                   integer,
    cause_seq             integer,
    form                  smallint NOT NULL CHECK (form = 1),
    correlation_id        uuid,
    runner_id             uuid,
    step                  text,             -- by name, which never changes
    actor                 text,
    definition            bytea,            -- hash of the definition in force
    data                  text COLLATE "C" NOT NULL CHECK (octet_length(data) <= 16384),
    sha256                bytea NOT NULL CHECK (length(sha256) = 32),
    db_user               text NOT NULL DEFAULT session_user,
    PRIMARY KEY (run_id, event_id),
    CHECK ((interaction_id IS NULL) = (seq IS NULL)),
    CHECK ((cause_interaction_id IS NULL) = (cause_seq IS NULL))
) PARTITION BY RANGE (run_id);
-- A second lock behind the fence: no two events of an interaction can carry one number.
CREATE UNIQUE INDEX interaction_events_seq ON interaction_events (run_id, interaction_id, seq) WHERE interaction_id IS NOT NULL;
CREATE INDEX interaction_events_wave ON interaction_events (wave_id) WHERE interaction_id IS NULL AND wave_id IS NOT NULL;
-- What has become visible since a snapshot: events of a chunk have one transaction, so this index has few and long entries.
CREATE INDEX interaction_events_xid ON interaction_events (xid);

-- What an operator lets projections skip: there are very few, and each look at them must be cheap.
CREATE INDEX interaction_events_skips ON interaction_events (event_id) WHERE type = 'projection_event_skipped';

-- The log that is signed: every committed event once, causes before what they led to, by a number without gaps. It is written by
-- the sealer alone (runner/sealer.py), and is what projections and exports read. What an entry says: core/log_entry.py.
CREATE TABLE event_log (
    log_index  bigint PRIMARY KEY CHECK (log_index >= 0),
    run_id     bigint,                                      -- with event_id: the event. NULL: the entry is about the log itself
    event_id   bigint UNIQUE,
    kind       smallint NOT NULL CHECK (kind IN (0, 1, 2)), -- an event, the header of a batch, an anchor
    entry      bytea NOT NULL CHECK (length(entry) <= 65535),
    CHECK ((kind = 0) = (event_id IS NOT NULL)),
    CHECK ((event_id IS NULL) = (run_id IS NULL))
);

CREATE INDEX event_log_anchors ON event_log (log_index) WHERE kind = 2;
-- The headers of its batches, which give it its clock.
CREATE INDEX event_log_seals ON event_log (log_index) WHERE kind = 1;

-- Full tiles of the log's Merkle tree, 256 hashes each (core/tiles.py). What is not full yet follows from entries and roots.
CREATE TABLE log_tiles (
    level       smallint NOT NULL,
    tile_index  bigint NOT NULL,
    hashes      bytea NOT NULL CHECK (length(hashes) = 8192),
    root        bytea NOT NULL CHECK (length(root) = 32),    -- the node above them
    PRIMARY KEY (level, tile_index)
);
ALTER TABLE log_tiles ALTER hashes SET STORAGE EXTERNAL;     -- hashes cannot be made smaller

CREATE TABLE log_checkpoints (
    size       bigint PRIMARY KEY,
    note       text NOT NULL,
    signed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- How far the log has come: one row, locked by whoever seals or signs.
CREATE TABLE log_state (
    only_one           boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    origin             text NOT NULL,                       -- what its checkpoints call it; ends in the number of the epoch
    next_index         bigint NOT NULL DEFAULT 0,
    frontier           bytea[] NOT NULL DEFAULT '{}',
    last_snapshot      pg_snapshot,                         -- what it sees is sealed. NULL: nothing is
    target_snapshot    pg_snapshot,                         -- a backlog: what is being sealed, chunk by chunk,
    after_event_id     bigint,                              -- how far that has come,
    until_event_id     bigint,                              -- and where it ends
    system_identifier  bigint,                              -- of the cluster whose transactions the snapshots speak of
    floor_event_id     bigint NOT NULL DEFAULT 0,           -- events up to here may have transactions of another cluster
    public_key         bytea CHECK (length(public_key) = 32),  -- whose signatures count. NULL: nobody has signed yet
    stopped            text CHECK (stopped IN ('ROLLED_BACK', 'FORKED')),
    stopped_at         timestamptz,
    stopped_because    text,
    trouble            text,                                -- what keeps checkpoints from being signed or written outside
    troubled_at        timestamptz,
    CHECK ((target_snapshot IS NULL) = (after_event_id IS NULL)),
    CHECK ((target_snapshot IS NULL) = (until_event_id IS NULL)),
    CHECK ((last_snapshot IS NULL) = (system_identifier IS NULL)),
    CHECK ((stopped IS NULL) = (stopped_at IS NULL) AND (stopped IS NULL) = (stopped_because IS NULL)),
    CHECK ((trouble IS NULL) = (troubled_at IS NULL))
);

-- Exact bytes behind the salted commitments that events carry. Both are NULL where they were erased: an event names the commitment.
CREATE TABLE payloads (
    run_id          bigint NOT NULL,
    payload_id      bigint NOT NULL DEFAULT nextval('payload_ids'),
    interaction_id  bigint NOT NULL,
    attempt         integer NOT NULL,
    role            text NOT NULL CHECK (role IN ('request', 'answer', 'server', 'log', 'error', 'before')),
    media_type      text NOT NULL,
    nonce           bytea CHECK (length(nonce) = 32),
    content         bytea,
    PRIMARY KEY (run_id, payload_id),
    CHECK ((nonce IS NULL) = (content IS NULL))
) PARTITION BY RANGE (run_id);
CREATE INDEX payloads_interaction ON payloads (run_id, interaction_id, attempt);

-- Of each question that a model was asked, who got the newest answer that was accepted. Whether it is still in force, and what
-- it says, stands with the interaction: of one that is erased nothing is found. A question is asked of all runs at once, so
-- this is no part of a range; a row that points into one that was dropped is as good as none.
CREATE TABLE answers (
    question        bytea PRIMARY KEY CHECK (length(question) = 32),    -- core/question.py
    run_id          bigint NOT NULL,
    interaction_id  bigint NOT NULL
);

-- Interactions that were answered by what was recorded for another one, and what that one had cost.
CREATE TABLE hits (
    run_id          bigint NOT NULL,
    interaction_id  bigint NOT NULL,
    source_run_id   bigint NOT NULL,
    source_id       bigint NOT NULL,
    tokens          bigint NOT NULL,
    service_us      bigint NOT NULL,
    PRIMARY KEY (run_id, interaction_id)
) PARTITION BY RANGE (run_id);

-- What each interaction of an experiment is held against: a result of the real work, whose recorded input it is given once more,
-- or what a gold set expects.
CREATE TABLE counterparts (
    run_id          bigint NOT NULL,
    interaction_id  bigint NOT NULL,
    source_run_id   bigint,                                 -- with source_id: the result
    source_id       bigint,
    expected        text,                                   -- canonical JSON, from a gold set. NULL: none, or erased
    PRIMARY KEY (run_id, interaction_id),
    CHECK ((source_run_id IS NULL) = (source_id IS NULL))
) PARTITION BY RANGE (run_id);

-- What a step changed in the user's tables, value by value, in the transaction that changed it. A `values_written` of the run commits to
-- each row: to all of it but the number of the payload, whose commitment is in it. What is committed to: core/value_write.py.
CREATE TABLE value_writes (
    run_id             bigint NOT NULL,
    value_write_id     bigint NOT NULL DEFAULT nextval('value_write_ids'),
    interaction_id     bigint NOT NULL,
    record_id          bigint NOT NULL REFERENCES records,
    table_name         text NOT NULL,
    column_name        text NOT NULL,                       -- '*': the record's rows of the table as a whole
    before_sha256      bytea,                               -- these NULL: erased, since the hash of a short text can be guessed
    after_sha256       bytea,
    before_payload_id  bigint,                              -- NULL: there was nothing before
    before_commitment  bytea CHECK (length(before_commitment) = 32), -- to that payload: it stays when the content goes
    nonce              bytea CHECK (length(nonce) = 32),    -- of the commitment; goes with the hashes
    commitment         bytea CHECK (length(commitment) = 32), -- to the row as it was, once it cannot be made again: erased
    is_undo            boolean NOT NULL DEFAULT false,      -- what its interaction had written was taken back
    is_intake          boolean NOT NULL DEFAULT false,      -- changed by a batch that has its record again, or taken back with one: no step's work
    written_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, value_write_id),
    CHECK ((before_sha256 IS NULL) = (after_sha256 IS NULL)),
    CHECK ((nonce IS NULL) = (after_sha256 IS NULL)),
    CHECK ((nonce IS NULL) = (commitment IS NOT NULL))
) PARTITION BY RANGE (run_id);
CREATE INDEX value_writes_value ON value_writes (record_id, table_name, column_name, value_write_id);

-- Writes that count as saved: nothing that is written where nothing was saves nothing. A value that was the same before
-- does count, since it stands; so does what was erased. What a source has changed is no work of anybody.
CREATE VIEW saved_values AS
SELECT * FROM value_writes
WHERE NOT is_intake AND (before_payload_id IS NOT NULL OR before_sha256 IS NULL OR before_sha256 <> after_sha256);

-- What somebody wants erased of a record, and who else agrees. It is done in the transaction that says so here; the record has
-- another key from then on.
CREATE TABLE erasures (
    erasure_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    record_id     bigint NOT NULL REFERENCES records,
    basis         text NOT NULL CHECK (basis <> ''),        -- on what ground; events commit to it
    basis_nonce   bytea NOT NULL CHECK (length(basis_nonce) = 32),
    requested_by  text NOT NULL CHECK (requested_by <> ''),
    requested_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    withdrawn_at  timestamptz,
    approved_by   text CHECK (lower(approved_by) <> lower(requested_by)),
    erased_at     timestamptz,
    CHECK ((approved_by IS NULL) = (erased_at IS NULL)),
    CHECK (withdrawn_at IS NULL OR erased_at IS NULL)
);
CREATE UNIQUE INDEX erasures_open ON erasures (record_id) WHERE erased_at IS NULL AND withdrawn_at IS NULL;

-- Records of which nothing may be erased, whoever asks and however old it is.
CREATE TABLE legal_holds (
    record_id     bigint PRIMARY KEY REFERENCES records,
    reason        text NOT NULL CHECK (reason <> ''),
    reason_nonce  bytea NOT NULL CHECK (length(reason_nonce) = 32),
    placed_by     text NOT NULL CHECK (placed_by <> ''),
    placed_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The ranges whose history is gone, and by whose order.
CREATE VIEW dropped_ranges AS
SELECT r.first_run, r.following, r.month, r.dropped_at, d.drop_id, d.requested_by, d.approved_by
FROM run_ranges r JOIN drops d USING (drop_id)
WHERE r.dropped_at IS NOT NULL;

-- Of what nothing may be erased: of held records, and where the recorded answers come from that these were given.
CREATE VIEW held_interactions AS
SELECT i.run_id, i.interaction_id FROM legal_holds h JOIN interactions i USING (record_id)
UNION
SELECT x.source_run_id, x.source_id
FROM legal_holds h JOIN interactions i USING (record_id) JOIN hits x USING (run_id, interaction_id);

-- What is sent outside of alerts: one notice when an alert is raised and one when it is settled, each under an id by which a
-- receiver knows a repeat. `in_force`: what it has raised stands still. Whoever sends one has it until `next_at`; then anybody may.
CREATE TABLE notices (
    notice_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    settles      uuid UNIQUE REFERENCES notices,            -- what had raised the alert that is settled; NULL: it raises one
    run_id       bigint REFERENCES workflow_runs,           -- of an alert that a run has raised
    kind         text NOT NULL,
    subject      text NOT NULL,
    since        timestamptz NOT NULL,
    message      text NOT NULL,
    in_force     boolean NOT NULL,
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts     integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_at      timestamptz DEFAULT clock_timestamp(),     -- NULL: it is over
    trouble      text CHECK (trouble <> ''),                -- what came of the last attempt that failed
    sent_at      timestamptz,
    given_up_at  timestamptz,
    CHECK (num_nonnulls(next_at, sent_at, given_up_at) = 1),
    CHECK (NOT in_force OR settles IS NULL),
    CHECK (sent_at IS NULL OR trouble IS NULL),
    CHECK (given_up_at IS NULL OR trouble IS NOT NULL)
);
CREATE UNIQUE INDEX notices_in_force ON notices (kind, subject) WHERE in_force;
CREATE INDEX notices_due ON notices (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX notices_over ON notices (made_at);

-- When somebody has last looked which alerts stand: one row, locked by whoever looks.
CREATE TABLE notice_looks (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    looked_at  timestamptz NOT NULL DEFAULT '-infinity'
);

-- Who may ask by HTTP. Of a token only the SHA-256 of its secret is kept.
CREATE TABLE access_tokens (
    token_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person      text NOT NULL CHECK (person <> ''),
    role        text NOT NULL CHECK (role IN ('viewer', 'operator', 'reviewer', 'auditor', 'admin')),
    sha256      bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    granted_by  text NOT NULL CHECK (granted_by <> ''),
    granted_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    revoked_by  text,
    revoked_at  timestamptz,
    CHECK ((revoked_by IS NULL) = (revoked_at IS NULL))
);

-- Browsers that have shown an access token, or the one that `wave serve` has printed: that is known to one process alone.
CREATE TABLE http_sessions (
    session_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_id    bigint REFERENCES access_tokens,
    own_sha256  bytea CHECK (length(own_sha256) = 32),
    sha256      bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),     -- of what its cookie holds
    opened_at   timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    CHECK ((token_id IS NULL) = (own_sha256 IS NOT NULL))
);

-- What persons have asked for by HTTP, each under a key of their own, and what was answered: nothing is done twice. Texts of
-- records have no place in these answers. They are kept for a day.
CREATE TABLE http_requests (
    person    text NOT NULL,
    key       text NOT NULL,
    sha256    bytea NOT NULL CHECK (length(sha256) = 32),      -- of what was asked for
    asked_at  timestamptz NOT NULL DEFAULT now(),
    answer    text,
    PRIMARY KEY (person, key)
);
CREATE INDEX http_requests_asked ON http_requests (asked_at);

-- Interactions that a person has picked from a list, to give an order about exactly these. A pick is kept for an hour; one about
-- which an order was given is kept for good, as that order.
CREATE TABLE picks (
    pick_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id        bigint NOT NULL REFERENCES workflow_runs,
    person        text NOT NULL CHECK (person <> ''),
    picked_at     timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    kind          text CHECK (kind IN ('retry', 'cancel', 'decide')),    -- of the order
    reason        text CHECK (reason <> ''),
    reason_nonce  bytea CHECK (length(reason_nonce) = 32),
    answer_sha256 bytea CHECK (length(answer_sha256) = 32),     -- of what is answered to each; the decisions hold it
    ordered_at    timestamptz,
    done          bigint NOT NULL DEFAULT 0 CHECK (done >= 0),  -- so many, chunk by chunk
    CHECK ((kind IS NULL) = (reason IS NULL) AND (kind IS NULL) = (reason_nonce IS NULL)
           AND (kind IS NULL) = (ordered_at IS NULL)),
    CHECK (kind IS NOT NULL OR done = 0),
    CHECK ((answer_sha256 IS NOT NULL) = coalesce(kind = 'decide', false))
);
CREATE INDEX picks_expire ON picks (expires_at) WHERE kind IS NULL;

-- Which interactions, each as it stood; once an order is given, those about which it still has to be carried out. No reference to
-- `picks`: it would be looked up for each of very many rows.
CREATE TABLE picked (
    pick_id         bigint NOT NULL,
    interaction_id  bigint NOT NULL,
    seq             integer NOT NULL,
    PRIMARY KEY (pick_id, interaction_id)
);

-- Lists of the pages as somebody has narrowed them, under a name, for all who may read. `query` is what stands behind the page in the
-- address of the list. No record's key is in it.
CREATE TABLE saved_views (
    view_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    page      text NOT NULL CHECK (page IN ('runs', 'interactions', 'errors', 'tasks', 'reviews')),
    name      text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    query     text NOT NULL CHECK (query <> ''),
    saved_by  text NOT NULL CHECK (saved_by <> ''),
    saved_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (page, name)
);

-- ─── numbers ─────────────────────────────────────────────────────────────────────────────────────

-- Live counts = counts + count_deltas that have not been folded yet, read in one snapshot:
-- exact, and no hot row that every transaction waits for.
CREATE TABLE counts (
    run_id       bigint NOT NULL,
    run_step_id  bigint NOT NULL REFERENCES run_steps,
    state        interaction_state NOT NULL,
    n            bigint NOT NULL,
    PRIMARY KEY (run_id, run_step_id, state)
);
CREATE TABLE count_deltas (
    delta_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id       bigint NOT NULL,
    run_step_id  bigint NOT NULL,
    state        interaction_state NOT NULL,
    delta        bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- What the interactions of a run that has ended add up to, so that no report counts them again: `sums` for its dashboard, `details` of its
-- calls, of what it wrote and of what failed. It is added up once every transaction is over that has begun before `begun_before`.
CREATE TABLE run_sums (
    run_id           bigint PRIMARY KEY REFERENCES workflow_runs,
    newest_event_id  bigint NOT NULL,
    begun_before     xid8 NOT NULL,
    unsettled        bigint,                                                 -- calls whose end nobody had seen: that comes without an event
    sums             text,
    details          text,
    CHECK ((unsettled IS NULL) = (sums IS NULL) AND (details IS NULL) = (sums IS NULL))
);

-- What a large run that is under way came to at one moment: it is counted again and again, for a small share of the time. Nobody counts
-- before `next_at` of all of them is over: until then somebody does, or it is too soon.
CREATE TABLE interim_sums (
    run_id           bigint PRIMARY KEY REFERENCES workflow_runs,
    next_at          timestamptz NOT NULL,
    counted_at       timestamptz,
    newest_event_id  bigint,                                                 -- the run's at that moment: without another one there is nothing to count
    sums             text,
    details          text,
    CHECK ((counted_at IS NULL) = (sums IS NULL) AND (newest_event_id IS NULL) = (sums IS NULL) AND (details IS NULL) = (sums IS NULL))
);

-- Tables that are folded from the log and from nothing else (core/projection.py): a row is one copy of such a table, as far as it has
-- come. One copy is read. Another may be built beside it, and becomes the one that is read by one change here.
CREATE TABLE projections (
    projection_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name               text NOT NULL CHECK (name <> ''),
    version            integer NOT NULL CHECK (version > 0),
    code_sha256        bytea NOT NULL CHECK (length(code_sha256) = 32),     -- of the fold: nobody with another one goes on with it
    state              text NOT NULL CHECK (state IN ('building', 'live', 'retired')),
    position           bigint NOT NULL DEFAULT 0 CHECK (position >= 0),     -- the entries before this index are folded
    advanced_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    stuck_because      text,                                                -- the entry at `position` cannot be folded
    stuck_since        timestamptz,
    verified_position  bigint,                                              -- where it was compared last with a copy folded anew,
    verified_at        timestamptz,
    digest             bytea CHECK (length(digest) = 32),                   -- and what the two were then, or the one that is right
    diverged_since     timestamptz,                                         -- they were not the same
    CHECK ((stuck_because IS NULL) = (stuck_since IS NULL)),
    CHECK ((verified_position IS NULL) = (verified_at IS NULL) AND (verified_position IS NULL) = (digest IS NULL)),
    CHECK (verified_position IS NOT NULL OR diverged_since IS NULL)
);
CREATE UNIQUE INDEX projections_one_of_each ON projections (name, state) WHERE state <> 'retired';

-- How far each record has come in each run, by its correlation id: all that the events say of it.
CREATE TABLE record_states (
    projection_id   bigint NOT NULL REFERENCES projections,
    run_id          bigint NOT NULL,
    correlation_id  uuid NOT NULL,
    first_index     bigint NOT NULL,                        -- of its entries in the log
    last_index      bigint NOT NULL,
    begun_at        timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    step_state      interaction_state,                      -- of the interaction that moved last, and its step
    attempts        integer NOT NULL,                       -- interactions that were begun, each time counted
    troubles        integer NOT NULL,                       -- that failed or were quarantined
    events          integer NOT NULL,
    whole_run       boolean NOT NULL,                       -- it is the run itself, and no record
    state           text NOT NULL CHECK (state IN ('live', 'completed', 'incomplete')),
    step            text,
    PRIMARY KEY (projection_id, run_id, correlation_id),
    CHECK (first_index <= last_index AND begun_at <= changed_at)
) WITH (fillfactor = 60);
CREATE TABLE record_counts (
    projection_id  bigint NOT NULL REFERENCES projections,
    run_id         bigint NOT NULL,
    state          text NOT NULL CHECK (state IN ('live', 'completed', 'incomplete')),
    n              bigint NOT NULL CHECK (n >= 0),
    PRIMARY KEY (projection_id, run_id, state)
);

-- What records and runs have used, of workflows that limit it: charged when an attempt is begun, and when it is recorded.
CREATE TABLE spending (
    run_id        bigint NOT NULL REFERENCES workflow_runs,
    record_id     bigint NOT NULL,                          -- 0: the run as a whole
    interactions  bigint NOT NULL DEFAULT 0,
    model_calls   bigint NOT NULL DEFAULT 0,
    seconds       bigint NOT NULL DEFAULT 0,                -- microseconds in which actors have worked
    tokens        bigint NOT NULL DEFAULT 0,
    money         bigint NOT NULL DEFAULT 0,                -- billionths
    more_tokens   bigint NOT NULL DEFAULT 0,                -- what somebody has granted beyond the limits of the run
    more_money    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, record_id),
    CHECK (record_id = 0 OR (more_tokens = 0 AND more_money = 0))
);

-- Each call of a model: what was reserved for it before, and what it has used and cost, by the price that its run has pinned. A
-- call whose end nobody has seen is never settled: what it has used is unknown, and its reservation counts no more once it
-- runs no more. Money is in billionths.
CREATE TABLE ledger (
    run_id           bigint NOT NULL,
    interaction_id   bigint NOT NULL,
    run_step_id      bigint NOT NULL,
    record_id        bigint,                                -- NULL: a `once` step
    reserved_tokens  bigint NOT NULL,
    reserved_money   bigint NOT NULL,
    service_us       bigint,
    token_money      bigint,                                -- NULL: the model has no price, or the server has not counted
    machine_money    bigint,                                -- NULL: the model has no price
    attempt          integer NOT NULL,
    tokens_in        integer,                               -- NULL: the server has not counted them
    tokens_cached    integer,                               -- of them
    tokens_out       integer,
    accepted         boolean,                               -- whether its answer was; NULL: not settled
    PRIMARY KEY (run_id, interaction_id, attempt),
    CHECK ((accepted IS NULL) = (service_us IS NULL)),
    CHECK ((tokens_in IS NULL) = (tokens_cached IS NULL) AND (tokens_in IS NULL) = (tokens_out IS NULL)),
    CHECK (accepted IS NOT NULL OR (tokens_in IS NULL AND token_money IS NULL AND machine_money IS NULL)),
    CHECK (token_money IS NULL OR machine_money IS NOT NULL),
    CHECK (tokens_cached <= tokens_in)
) PARTITION BY RANGE (run_id);
CREATE INDEX ledger_unsettled ON ledger (run_id) WHERE accepted IS NULL;

-- What became of each call. Only of one that is not settled is there more to ask: the OFFSET keeps the planner from reading all
-- interactions that run to have their answer at hand.
CREATE VIEW calls AS
SELECT l.*, CASE WHEN l.accepted THEN 'accepted' WHEN NOT l.accepted THEN 'failed'
                 WHEN EXISTS (SELECT FROM interactions i
                              WHERE i.run_id = l.run_id AND i.interaction_id = l.interaction_id
                                AND i.state = 'running' AND i.attempt = l.attempt
                              OFFSET 0) THEN 'running'
                 ELSE 'unseen' END AS fate
FROM ledger l;

-- What runs that have ended come to, where nothing has happened to them since it was added up: each change of an interaction has its
-- event, in the same transaction, and a call that was not settled then is settled by now, or it is not.
CREATE VIEW kept_sums AS
SELECT k.run_id, k.sums, k.details
FROM run_sums k
WHERE k.sums IS NOT NULL
  AND k.newest_event_id = (SELECT event_id FROM interaction_events WHERE run_id = k.run_id ORDER BY event_id DESC LIMIT 1)
  AND k.unsettled = (SELECT count(*) FROM ledger WHERE run_id = k.run_id AND accepted IS NULL);

-- Who is left alone for a while, shared by all runners. A server or model without a row is asked.
CREATE TABLE breakers (
    kind         text NOT NULL CHECK (kind IN ('server', 'model')),
    name         text NOT NULL,
    position     text NOT NULL DEFAULT 'closed' CHECK (position IN ('closed', 'open', 'half_open')),
    failures     integer NOT NULL DEFAULT 0 CHECK (failures >= 0),  -- in a row
    trips        integer NOT NULL DEFAULT 0 CHECK (trips >= 0),     -- since it was closed last
    retry_at     timestamptz,                                  -- open: when it may be tried; half open: until when whoever tries has time
    probe_by     uuid REFERENCES runners,
    opened_at    timestamptz,                                  -- since when it has not been closed
    error_class  text,
    reason       text,
    PRIMARY KEY (kind, name),
    CHECK ((position = 'closed') = (retry_at IS NULL)),
    CHECK ((position = 'closed') = (opened_at IS NULL)),
    CHECK ((position = 'half_open') = (probe_by IS NOT NULL)),
    CHECK (position = 'closed' OR (trips > 0 AND error_class IS NOT NULL AND reason IS NOT NULL))
);

-- When the next request may begin on an account, and when the tokens granted so far are paid off: core/rates.py. How much is
-- under way is counted, never kept: nothing can be forgotten there.
CREATE TABLE accounts (
    kind             text NOT NULL CHECK (kind IN ('server', 'actor')),
    name             text NOT NULL,
    next_request_at  timestamptz NOT NULL DEFAULT '-infinity',
    next_token_at    timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (kind, name)
);

-- ─── append-only, and the ranges ─────────────────────────────────────────────────────────────────

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append-only: % on % is refused', tg_op, tg_table_name USING ERRCODE = 'insufficient_privilege';
END $$;

-- What the two tables of the hot path point to is looked up once for a whole statement: a foreign key looks it up once for
-- each row and key, which takes as long as the statement itself. What they point to is never deleted: interactions and the
-- records of runs by a trigger, steps, queues and records by foreign keys of other tables. The OFFSET keeps the planner from joining whole tables.
CREATE FUNCTION check_interactions() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
DECLARE
    wrong text;
BEGIN
    SELECT 'step ' || f.run_step_id || ' and queue ' || f.queue_id || ', which is none of run ' || f.run_id INTO wrong
    FROM (SELECT DISTINCT run_id, run_step_id, queue_id FROM fresh) AS f
    WHERE NOT EXISTS (SELECT FROM run_steps s WHERE s.run_step_id = f.run_step_id AND s.run_id = f.run_id AND s.queue_id = f.queue_id OFFSET 0)
    LIMIT 1;
    IF wrong IS NULL THEN
        SELECT 'record ' || f.record_id || ', which is not in run ' || f.run_id INTO wrong
        FROM fresh f
        WHERE f.record_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM run_records r WHERE r.run_id = f.run_id AND r.record_id = f.record_id OFFSET 0)
        LIMIT 1;
    END IF;
    IF wrong IS NULL THEN
        SELECT 'parent ' || f.parent_id || ', which is not in run ' || f.run_id INTO wrong
        FROM fresh f
        WHERE f.parent_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM interactions i WHERE i.run_id = f.run_id AND i.interaction_id = f.parent_id OFFSET 0)
        LIMIT 1;
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'an interaction points to %', wrong USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION check_events() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off AS $$
DECLARE
    wrong bigint;
BEGIN
    SELECT f.interaction_id INTO wrong
    FROM fresh f
    WHERE f.interaction_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM interactions i WHERE i.run_id = f.run_id AND i.interaction_id = f.interaction_id OFFSET 0)
    LIMIT 1;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'an event points to interaction %, which is not there', wrong USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION guard_interactions(leaf regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER check_references AFTER INSERT ON %s REFERENCING NEW TABLE AS fresh '
        'FOR EACH STATEMENT EXECUTE FUNCTION check_interactions()', leaf);
    EXECUTE format('CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', leaf);
END $$;

CREATE FUNCTION guard_events(leaf regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- By trigger, for a superuser. ALWAYS: an ordinary trigger is skipped when session_replication_role = replica.
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', leaf);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER no_truncate', leaf);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER no_change', leaf);
    EXECUTE format('CREATE TRIGGER check_references AFTER INSERT ON %s REFERENCING NEW TABLE AS fresh '
        'FOR EACH STATEMENT EXECUTE FUNCTION check_events()', leaf);
    -- And by privilege (last: making a trigger needs the right to): nobody, the owner included, holds more than reading and inserting what is theirs to say.
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, %I', leaf, current_user);
    EXECUTE format('GRANT SELECT, INSERT (run_id, form, type, interaction_id, seq, cause_interaction_id, cause_seq, '
        'wave_id, correlation_id, runner_id, step, actor, definition, data, sha256) ON %s TO %I', leaf, current_user);
END $$;

CREATE FUNCTION guard_log(name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER no_change', name);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER no_truncate', name);
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, %I', name, current_user);
    EXECUTE format('GRANT SELECT, INSERT ON %s TO %I', name, current_user);
END $$;

CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON interaction_events FOR EACH ROW EXECUTE FUNCTION refuse_change();
SELECT guard_events('interaction_events');
SELECT guard_interactions('interactions');
SELECT guard_log(name) FROM unnest(ARRAY['event_log', 'log_tiles', 'log_checkpoints']::regclass[]) AS name;
CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON log_state FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON run_records FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Foreign keys between partitioned tables are declared leaf to leaf: on the parents they would halve the speed
-- of inserts and stand in the way of detaching a range.
CREATE FUNCTION open_run_range(first bigint, following bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    suffix text := '_r' || first;
BEGIN
    FOREACH parent IN ARRAY ARRAY['interactions', 'interaction_inputs', 'joins', 'tasks', 'decisions', 'staged_records', 'interaction_events', 'payloads', 'hits', 'counterparts', 'value_writes', 'ledger'] LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)', parent || suffix, parent, first, following);
    END LOOP;
    FOREACH parent IN ARRAY ARRAY['interaction_inputs', 'joins', 'tasks', 'decisions', 'staged_records', 'payloads', 'hits', 'counterparts', 'value_writes', 'ledger'] LOOP
        EXECUTE format('ALTER TABLE %I ADD FOREIGN KEY (run_id, interaction_id) REFERENCES %I', parent || suffix, 'interactions' || suffix);
    END LOOP;
    EXECUTE format('ALTER TABLE %I ADD FOREIGN KEY (run_id, source_id) REFERENCES %I (run_id, interaction_id)',
        'interaction_inputs' || suffix, 'interactions' || suffix);
    EXECUTE format('ALTER TABLE %I ADD FOREIGN KEY (run_id, before_payload_id) REFERENCES %I (run_id, payload_id)',
        'value_writes' || suffix, 'payloads' || suffix);
    EXECUTE format('ALTER TABLE %I SET (fillfactor = 25, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)',
        'interactions' || suffix);
    PERFORM guard_events(('interaction_events' || suffix)::regclass);
    PERFORM guard_interactions(('interactions' || suffix)::regclass);
    INSERT INTO run_ranges (first_run, following, month) VALUES (first, following, date_trunc('month', now() AT TIME ZONE 'UTC'));
END $$;

-- Drops the partitions of a range that two people have ordered to go. For that it locks their parents too, one after the other, in the
-- order in which a run is begun: who calls it says how long it may wait for each, since everybody else waits behind it.
CREATE FUNCTION drop_run_range(first bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE run_ranges SET dropped_at = clock_timestamp() WHERE first_run = first AND drop_id IS NOT NULL AND dropped_at IS NULL;
    IF NOT found THEN
        RAISE EXCEPTION 'nobody has ordered that the runs from % on are dropped', first USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE (SELECT 'DROP TABLE ' || string_agg(format('%I', parent || '_r' || first), ', ' ORDER BY n)
             FROM unnest(ARRAY['interactions', 'interaction_inputs', 'joins', 'tasks', 'decisions', 'staged_records', 'interaction_events', 'payloads', 'hits', 'counterparts', 'value_writes', 'ledger'])
                  WITH ORDINALITY AS p (parent, n));
END $$;

-- Of runs that are to go, or have gone, nothing is begun again, whatever orders it, and nothing more is said: the order names what is there.
CREATE FUNCTION refuse_dropped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM run_ranges r WHERE new.run_id >= r.first_run AND new.run_id < r.following AND r.drop_id IS NOT NULL) THEN
        RAISE EXCEPTION 'the history of run % was dropped, or is about to be', new.run_id USING ERRCODE = 'WR001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER not_dropped BEFORE UPDATE ON workflow_runs FOR EACH ROW
    WHEN (new.state = 'running' AND old.state <> 'running') EXECUTE FUNCTION refuse_dropped();

-- Waits for whoever is just saying something of these runs. From then on nobody can, once the order stands.
CREATE FUNCTION close_run_range(first bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT TRIGGER ON %I TO %I', 'interaction_events_r' || first, current_user);
    EXECUTE format('CREATE TRIGGER not_dropped BEFORE INSERT ON %I FOR EACH ROW EXECUTE FUNCTION refuse_dropped()', 'interaction_events_r' || first);
    EXECUTE format('REVOKE TRIGGER ON %I FROM %I', 'interaction_events_r' || first, current_user);
END $$;

-- Lower goes first. An hour of waiting weighs as much as one step of priority: urgent work goes first, and nothing waits for
-- ever behind it. As everything ages alike, the order of two runs never changes, and an index can hold it.
CREATE FUNCTION run_rank(asked workflow_runs) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT (extract(epoch FROM asked.started_at - timestamptz '2026-01-01 00:00Z') / 60)::integer - 60 * asked.priority
$$;

-- Runs of which nothing may be begun.
CREATE VIEW held_runs AS
SELECT r.run_id, r.cancelled_at IS NOT NULL AS cancelled
FROM workflow_runs r JOIN workflows w USING (workflow_id)
WHERE r.state = 'running' AND (r.paused_at IS NOT NULL OR r.cancelled_at IS NOT NULL OR w.paused_at IS NOT NULL OR w.stopped);

-- What may be tried again: what is broken and counts, and from which its workflow has not gone on. A record whose flow in this
-- workflow is under way in another run is left to that.
CREATE VIEW retryable AS
SELECT i.run_id, i.interaction_id, i.seq, i.run_step_id, i.record_id, i.wave_id, i.state, i.error_class, i.rule
FROM interactions i
WHERE i.state IN ('failed', 'quarantined') AND i.error IS NOT NULL AND i.in_force AND NOT i.handled AND NOT i.erased
  AND NOT EXISTS (SELECT FROM run_records mine JOIN run_records o USING (workflow_id, record_id)
                  WHERE mine.run_id = i.run_id AND mine.record_id = i.record_id AND o.run_id <> i.run_id AND o.state = 'live');

-- A run waits when all that is left of it waits for people: nothing that a runner could do, and nothing to settle.
CREATE FUNCTION run_waits(asked bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(n) FILTER (WHERE state IN ('pending', 'running')), 0) = 0
       AND coalesce(sum(n) FILTER (WHERE state = 'waiting'), 0) > 0
       AND NOT EXISTS (SELECT FROM fan_outs WHERE run_id = asked AND closed_at IS NULL AND begun IS DISTINCT FROM room)
       AND NOT EXISTS (SELECT FROM run_records WHERE run_id = asked AND state = 'ended')
    FROM (
        SELECT state, n FROM counts WHERE run_id = asked
        UNION ALL
        SELECT state, delta FROM count_deltas WHERE run_id = asked
    ) AS both_parts
$$;

-- How a run stands: `waiting` and `paused` are computed, nobody has to keep them.
CREATE FUNCTION run_state(asked workflow_runs) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN asked.state <> 'running' THEN asked.state
                WHEN asked.cancelled_at IS NOT NULL THEN 'running'
                WHEN EXISTS (SELECT FROM held_runs WHERE run_id = asked.run_id) THEN 'paused'
                WHEN run_waits(asked.run_id) THEN 'waiting'
                ELSE 'running' END
$$;

CREATE FUNCTION new_run_id() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    width   constant bigint := 100000;
    newest  run_ranges;
    given   bigint;
BEGIN
    LOCK TABLE run_ranges IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO STRICT newest FROM run_ranges ORDER BY first_run DESC LIMIT 1;
    given := nextval('run_ids');
    IF newest.month < date_trunc('month', now() AT TIME ZONE 'UTC') OR given >= newest.following THEN
        PERFORM open_run_range(newest.following, newest.following + width);
        given := setval('run_ids', newest.following);
    END IF;
    RETURN given;
END $$;

CREATE TABLE interaction_events_r0 PARTITION OF interaction_events FOR VALUES FROM (0) TO (1);
SELECT guard_events('interaction_events_r0');
SELECT open_run_range(1, 100000);

-- Only the owner makes and drops tables, whoever begins a run: these act as the owner, for whoever was given the right to ask,
-- and look for names in this schema alone.
DO $$
DECLARE
    one regprocedure;
BEGIN
    FOREACH one IN ARRAY ARRAY['new_run_id()', 'close_run_range(bigint)', 'drop_run_range(bigint)']::regprocedure[] LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp', one, current_schema());
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION open_run_range(bigint, bigint) FROM PUBLIC;
