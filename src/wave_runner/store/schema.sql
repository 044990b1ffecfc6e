-- The sum of the migrations, to be read; nothing runs this file. A test keeps it true, `make schema` writes it anew.

CREATE SCHEMA wave;

CREATE TYPE wave.event_type AS ENUM (
    'run_started',
    'run_completed',
    'run_failed',
    'run_cancelled',
    'records_settled',
    'records_selected',
    'selection_failed',
    'interaction_started',
    'interaction_completed',
    'interaction_failed',
    'interaction_quarantined',
    'interaction_retry_scheduled',
    'interaction_released',
    'interaction_lease_expired',
    'interaction_unblocked',
    'interaction_skipped',
    'interaction_cancelled',
    'interaction_retried',
    'interaction_set_aside',
    'interaction_superseded',
    'interaction_restored',
    'interaction_invalidated',
    'interaction_doubted',
    'interaction_waiting',
    'task_claimed',
    'task_released',
    'task_decided',
    'task_sent_back',
    'task_escalated',
    'interaction_fanned_out',
    'values_written',
    'staging_written',
    'staging_decided',
    'staging_completed',
    'records_vanished',
    'records_returned',
    'batch_held',
    'batch_approved',
    'batch_refused',
    'staging_revalidated',
    'staging_promoted',
    'staging_rejected',
    'staging_rolled_back',
    'wave_opened',
    'wave_closed',
    'wave_expired',
    'wave_late_result',
    'model_loaded',
    'model_unloaded',
    'model_load_failed',
    'breaker_opened',
    'breaker_half_opened',
    'breaker_closed',
    'schedule_fired',
    'schedule_missed',
    'schedule_blocked',
    'alert_raised',
    'notice_sent',
    'notice_given_up',
    'paused',
    'resumed',
    'cancelled',
    'retried',
    'budget_exceeded',
    'budget_raised',
    'canary_judged',
    'batch_stopped',
    'rerun_started',
    'rerun_undone',
    'invalidated',
    'trial_adopted',
    'shadow_fed',
    'runner_told',
    'actor_registered',
    'actor_drifted',
    'actor_approved',
    'actor_tightened',
    'actor_restored',
    'workflow_registered',
    'workflow_drifted',
    'workflow_approved',
    'workflow_tightened',
    'workflow_restored',
    'log_verified',
    'projection_verified',
    'projection_diverged',
    'projection_rebuilt',
    'projection_swapped',
    'projection_event_skipped',
    'erasure_requested',
    'erasure_withdrawn',
    'record_erased',
    'payload_erased',
    'hold_placed',
    'hold_released',
    'retention_applied',
    'drop_requested',
    'drop_withdrawn',
    'drop_ordered',
    'history_dropped',
    'access_granted',
    'access_revoked',
    'access_denied',
    'session_opened',
    'session_ended',
    'view_saved',
    'view_removed'
);

CREATE TYPE wave.interaction_state AS ENUM (
    'blocked',
    'pending',
    'running',
    'waiting',
    'completed',
    'failed',
    'quarantined',
    'skipped',
    'cancelled',
    'invalidated'
);

CREATE FUNCTION wave.check_events() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
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

CREATE FUNCTION wave.check_eyes() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION wave.check_interactions() RETURNS trigger
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
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

CREATE FUNCTION wave.close_run_range(first bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wave', 'pg_temp'
    AS $$
BEGIN
    EXECUTE format('GRANT TRIGGER ON %I TO %I', 'interaction_events_r' || first, current_user);
    EXECUTE format('CREATE TRIGGER not_dropped BEFORE INSERT ON %I FOR EACH ROW EXECUTE FUNCTION refuse_dropped()', 'interaction_events_r' || first);
    EXECUTE format('REVOKE TRIGGER ON %I FROM %I', 'interaction_events_r' || first, current_user);
END $$;

CREATE FUNCTION wave.drop_run_range(first bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wave', 'pg_temp'
    AS $$
BEGIN
    UPDATE run_ranges SET dropped_at = clock_timestamp() WHERE first_run = first AND drop_id IS NOT NULL AND dropped_at IS NULL;
    IF NOT found THEN
        RAISE EXCEPTION 'nobody has ordered that the runs from % on are dropped', first USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE (SELECT 'DROP TABLE ' || string_agg(format('%I', parent || '_r' || first), ', ' ORDER BY n)
             FROM unnest(ARRAY['interactions', 'interaction_inputs', 'joins', 'tasks', 'decisions', 'staged_records', 'interaction_events', 'payloads', 'hits', 'counterparts', 'value_writes', 'ledger'])
                  WITH ORDINALITY AS p (parent, n));
END $$;

CREATE FUNCTION wave.guard_events(leaf regclass) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION wave.guard_interactions(leaf regclass) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER check_references AFTER INSERT ON %s REFERENCING NEW TABLE AS fresh '
        'FOR EACH STATEMENT EXECUTE FUNCTION check_interactions()', leaf);
    EXECUTE format('CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', leaf);
END $$;

CREATE FUNCTION wave.guard_log(name regclass) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER no_change BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER no_change', name);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER no_truncate', name);
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, %I', name, current_user);
    EXECUTE format('GRANT SELECT, INSERT ON %s TO %I', name, current_user);
END $$;

CREATE FUNCTION wave.new_run_id() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'wave', 'pg_temp'
    AS $$
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

CREATE FUNCTION wave.open_run_range(first bigint, following bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION wave.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'append-only: % on % is refused', tg_op, tg_table_name USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION wave.refuse_dropped() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT FROM run_ranges r WHERE new.run_id >= r.first_run AND new.run_id < r.following AND r.drop_id IS NOT NULL) THEN
        RAISE EXCEPTION 'the history of run % was dropped, or is about to be', new.run_id USING ERRCODE = 'WR001';
    END IF;
    RETURN new;
END $$;

CREATE TABLE wave.workflow_runs (
    run_id bigint NOT NULL,
    workflow_id bigint NOT NULL,
    definition_id bigint NOT NULL,
    kind text DEFAULT 'run'::text NOT NULL,
    params text NOT NULL,
    record_limit bigint,
    selection text,
    canary bigint,
    canary_verdict text,
    priority integer NOT NULL,
    correlation_id uuid NOT NULL,
    state text DEFAULT 'running'::text NOT NULL,
    paused_at timestamp with time zone,
    paused_by text,
    cancelled_at timestamp with time zone,
    cancelled_by text,
    currency text,
    started_by text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    ends_by timestamp with time zone,
    asks_anew boolean DEFAULT false NOT NULL,
    takes_again boolean DEFAULT false NOT NULL,
    ended_at timestamp with time zone,
    reason text,
    broken text,
    revalidates bigint,
    CONSTRAINT workflow_runs_canary_check CHECK ((canary > 0)),
    CONSTRAINT workflow_runs_canary_verdict_check CHECK ((canary_verdict = ANY (ARRAY['passed'::text, 'failed'::text]))),
    CONSTRAINT workflow_runs_check CHECK (((state = 'running'::text) = (ended_at IS NULL))),
    CONSTRAINT workflow_runs_check1 CHECK (((state = 'failed'::text) = (reason IS NOT NULL))),
    CONSTRAINT workflow_runs_check2 CHECK (((broken IS NULL) OR (state = 'failed'::text))),
    CONSTRAINT workflow_runs_check3 CHECK (((paused_at IS NULL) = (paused_by IS NULL))),
    CONSTRAINT workflow_runs_check4 CHECK (((canary_verdict IS NULL) OR (canary IS NOT NULL))),
    CONSTRAINT workflow_runs_check5 CHECK (((cancelled_at IS NULL) = (cancelled_by IS NULL))),
    CONSTRAINT workflow_runs_check6 CHECK (((state <> 'cancelled'::text) OR (cancelled_at IS NOT NULL))),
    CONSTRAINT workflow_runs_currency_check CHECK ((currency <> ''::text)),
    CONSTRAINT workflow_runs_kind_check CHECK ((kind = ANY (ARRAY['run'::text, 'trial'::text, 'repeat'::text, 'eval'::text, 'shadow'::text]))),
    CONSTRAINT workflow_runs_reason_check CHECK ((reason = ANY (ARRAY['selection_failed'::text, 'step_failed'::text, 'rows_undecided'::text, 'postcondition_failed'::text]))),
    CONSTRAINT workflow_runs_record_limit_check CHECK ((record_limit > 0)),
    CONSTRAINT workflow_runs_state_check CHECK ((state = ANY (ARRAY['running'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))
);

CREATE FUNCTION wave.run_rank(asked wave.workflow_runs) RETURNS integer
    LANGUAGE sql STABLE
    AS $$
    SELECT (extract(epoch FROM asked.started_at - timestamptz '2026-01-01 00:00Z') / 60)::integer - 60 * asked.priority
$$;

CREATE FUNCTION wave.run_state(asked wave.workflow_runs) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE WHEN asked.state <> 'running' THEN asked.state
                WHEN asked.cancelled_at IS NOT NULL THEN 'running'
                WHEN EXISTS (SELECT FROM held_runs WHERE run_id = asked.run_id) THEN 'paused'
                WHEN run_waits(asked.run_id) THEN 'waiting'
                ELSE 'running' END
$$;

CREATE FUNCTION wave.run_waits(asked bigint) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
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

CREATE FUNCTION wave.works_since() RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN '0001'::text;

CREATE TABLE wave.access_tokens (
    token_id bigint NOT NULL,
    person text NOT NULL,
    role text NOT NULL,
    sha256 bytea NOT NULL,
    granted_by text NOT NULL,
    granted_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    revoked_by text,
    revoked_at timestamp with time zone,
    CONSTRAINT access_tokens_check CHECK (((revoked_by IS NULL) = (revoked_at IS NULL))),
    CONSTRAINT access_tokens_granted_by_check CHECK ((granted_by <> ''::text)),
    CONSTRAINT access_tokens_person_check CHECK ((person <> ''::text)),
    CONSTRAINT access_tokens_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'operator'::text, 'reviewer'::text, 'auditor'::text, 'admin'::text]))),
    CONSTRAINT access_tokens_sha256_check CHECK ((length(sha256) = 32))
);

ALTER TABLE wave.access_tokens ALTER COLUMN token_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.access_tokens_token_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.accounts (
    kind text NOT NULL,
    name text NOT NULL,
    next_request_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    next_token_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT accounts_kind_check CHECK ((kind = ANY (ARRAY['server'::text, 'actor'::text])))
);

CREATE TABLE wave.actors (
    actor_id bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    definition_id bigint NOT NULL,
    drifted_to_id bigint,
    weights text,
    weights_found text,
    drifted_at timestamp with time zone,
    policy text DEFAULT 'block'::text NOT NULL,
    state text GENERATED ALWAYS AS (
CASE
    WHEN ((drifted_to_id IS NULL) AND (weights_found IS NULL)) THEN 'active'::text
    ELSE 'drifted'::text
END) STORED NOT NULL,
    stopped boolean GENERATED ALWAYS AS ((((drifted_to_id IS NOT NULL) AND (policy = 'block'::text)) OR ((weights_found IS NOT NULL) AND (policy <> 'warn'::text)))) STORED NOT NULL,
    paused_at timestamp with time zone,
    paused_by text,
    CONSTRAINT actors_check CHECK ((weights_found <> weights)),
    CONSTRAINT actors_check1 CHECK (((drifted_at IS NULL) = ((drifted_to_id IS NULL) AND (weights_found IS NULL)))),
    CONSTRAINT actors_check2 CHECK (((weights_found IS NULL) OR (weights IS NOT NULL))),
    CONSTRAINT actors_check3 CHECK (((paused_at IS NULL) = (paused_by IS NULL))),
    CONSTRAINT actors_kind_check CHECK ((kind = ANY (ARRAY['ai_model'::text, 'script'::text, 'sql'::text, 'human'::text, 'route'::text]))),
    CONSTRAINT actors_name_check CHECK ((name <> ''::text)),
    CONSTRAINT actors_policy_check CHECK ((policy = ANY (ARRAY['warn'::text, 'pin'::text, 'approve'::text, 'block'::text]))),
    CONSTRAINT actors_weights_check CHECK ((weights <> ''::text))
);

ALTER TABLE wave.actors ALTER COLUMN actor_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.actors_actor_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.alerts (
    run_id bigint NOT NULL,
    kind text NOT NULL,
    message text NOT NULL,
    raised_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT alerts_kind_check CHECK ((kind = ANY (ARRAY['nothing_saved'::text, 'nothing_found'::text, 'sudden_drop'::text, 'budget_exceeded'::text, 'batch_stopped'::text, 'canary_failed'::text, 'batch_held'::text])))
);

CREATE TABLE wave.answers (
    question bytea NOT NULL,
    run_id bigint NOT NULL,
    interaction_id bigint NOT NULL,
    CONSTRAINT answers_question_check CHECK ((length(question) = 32))
);

CREATE TABLE wave.batches (
    run_id bigint NOT NULL,
    fetcher_ids bigint[] NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    known bigint,
    vanished bigint,
    settled_at timestamp with time zone,
    decided_by text,
    reason text,
    reason_nonce bytea,
    CONSTRAINT batches_check CHECK (((state <> 'open'::text) OR (settled_at IS NULL))),
    CONSTRAINT batches_check1 CHECK ((((settled_at IS NULL) = (known IS NULL)) AND ((known IS NULL) = (vanished IS NULL)))),
    CONSTRAINT batches_check2 CHECK (((state <> ALL (ARRAY['approved'::text, 'refused'::text])) OR (decided_by IS NOT NULL))),
    CONSTRAINT batches_check3 CHECK ((((decided_by IS NULL) = (reason IS NULL)) AND ((reason IS NULL) = (reason_nonce IS NULL)))),
    CONSTRAINT batches_decided_by_check CHECK ((decided_by <> ''::text)),
    CONSTRAINT batches_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT batches_reason_nonce_check CHECK ((length(reason_nonce) = 32)),
    CONSTRAINT batches_state_check CHECK ((state = ANY (ARRAY['open'::text, 'settled'::text, 'held'::text, 'approved'::text, 'refused'::text, 'rolled_back'::text])))
);

CREATE TABLE wave.breakers (
    kind text NOT NULL,
    name text NOT NULL,
    "position" text DEFAULT 'closed'::text NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    trips integer DEFAULT 0 NOT NULL,
    retry_at timestamp with time zone,
    probe_by uuid,
    opened_at timestamp with time zone,
    error_class text,
    reason text,
    CONSTRAINT breakers_check CHECK ((("position" = 'closed'::text) = (retry_at IS NULL))),
    CONSTRAINT breakers_check1 CHECK ((("position" = 'closed'::text) = (opened_at IS NULL))),
    CONSTRAINT breakers_check2 CHECK ((("position" = 'half_open'::text) = (probe_by IS NOT NULL))),
    CONSTRAINT breakers_check3 CHECK ((("position" = 'closed'::text) OR ((trips > 0) AND (error_class IS NOT NULL) AND (reason IS NOT NULL)))),
    CONSTRAINT breakers_failures_check CHECK ((failures >= 0)),
    CONSTRAINT breakers_kind_check CHECK ((kind = ANY (ARRAY['server'::text, 'model'::text]))),
    CONSTRAINT breakers_position_check CHECK (("position" = ANY (ARRAY['closed'::text, 'open'::text, 'half_open'::text]))),
    CONSTRAINT breakers_trips_check CHECK ((trips >= 0))
);

CREATE SEQUENCE wave.interaction_ids
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE wave.interactions (
    run_id bigint NOT NULL,
    interaction_id bigint DEFAULT nextval('wave.interaction_ids'::regclass) NOT NULL,
    run_step_id bigint NOT NULL,
    queue_id bigint NOT NULL,
    record_id bigint,
    correlation_id uuid NOT NULL,
    item integer DEFAULT 0 NOT NULL,
    iteration integer DEFAULT 0 NOT NULL,
    generation bigint DEFAULT 0 NOT NULL,
    parent_id bigint,
    parent_seq integer,
    rank integer DEFAULT 0 NOT NULL,
    state wave.interaction_state DEFAULT 'pending'::wave.interaction_state NOT NULL,
    in_force boolean DEFAULT true NOT NULL,
    superseded_by bigint,
    ready_at timestamp with time zone,
    wave_id bigint,
    suspect integer,
    attempt integer DEFAULT 0 NOT NULL,
    errors integer DEFAULT 0 NOT NULL,
    crashes integer DEFAULT 0 NOT NULL,
    seq integer DEFAULT 0 NOT NULL,
    input text,
    input_nonce bytea,
    output text,
    output_nonce bytea,
    error_class text,
    rule text,
    error text,
    handled boolean DEFAULT false NOT NULL,
    erased boolean DEFAULT false NOT NULL,
    tokens_in integer,
    tokens_out integer,
    service_us bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    waits_since timestamp with time zone DEFAULT now() NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT interactions_check CHECK (((state <> 'running'::wave.interaction_state) OR (wave_id IS NOT NULL))),
    CONSTRAINT interactions_check1 CHECK (((state <> 'pending'::wave.interaction_state) OR (wave_id IS NULL))),
    CONSTRAINT interactions_check10 CHECK (((parent_id IS NULL) = (parent_seq IS NULL))),
    CONSTRAINT interactions_check11 CHECK (((input IS NULL) = (input_nonce IS NULL))),
    CONSTRAINT interactions_check12 CHECK (((output IS NULL) = (output_nonce IS NULL))),
    CONSTRAINT interactions_check2 CHECK (((errors <= attempt) AND (crashes <= attempt))),
    CONSTRAINT interactions_check3 CHECK (((ready_at IS NULL) OR (state = 'pending'::wave.interaction_state))),
    CONSTRAINT interactions_check4 CHECK (((finished_at IS NOT NULL) = (state = ANY (ARRAY['completed'::wave.interaction_state, 'failed'::wave.interaction_state, 'quarantined'::wave.interaction_state, 'skipped'::wave.interaction_state, 'cancelled'::wave.interaction_state, 'invalidated'::wave.interaction_state])))),
    CONSTRAINT interactions_check5 CHECK (((finished_at IS NULL) OR (started_at IS NULL) OR (finished_at >= started_at))),
    CONSTRAINT interactions_check6 CHECK (
CASE
    WHEN erased THEN ((finished_at IS NOT NULL) AND (input IS NULL) AND (output IS NULL))
    ELSE ((output IS NOT NULL) = (state = ANY (ARRAY['completed'::wave.interaction_state, 'invalidated'::wave.interaction_state])))
END),
    CONSTRAINT interactions_check7 CHECK (((superseded_by IS NULL) OR (NOT in_force))),
    CONSTRAINT interactions_check8 CHECK (((NOT handled) OR (state = ANY (ARRAY['failed'::wave.interaction_state, 'quarantined'::wave.interaction_state])))),
    CONSTRAINT interactions_check9 CHECK (((state <> ALL (ARRAY['failed'::wave.interaction_state, 'quarantined'::wave.interaction_state, 'cancelled'::wave.interaction_state])) OR (error IS NOT NULL)))
)
PARTITION BY RANGE (run_id);

CREATE TABLE wave.ledger (
    run_id bigint NOT NULL,
    interaction_id bigint NOT NULL,
    run_step_id bigint NOT NULL,
    record_id bigint,
    reserved_tokens bigint NOT NULL,
    reserved_money bigint NOT NULL,
    service_us bigint,
    token_money bigint,
    machine_money bigint,
    attempt integer NOT NULL,
    tokens_in integer,
    tokens_cached integer,
    tokens_out integer,
    accepted boolean,
    CONSTRAINT ledger_check CHECK (((accepted IS NULL) = (service_us IS NULL))),
    CONSTRAINT ledger_check1 CHECK ((((tokens_in IS NULL) = (tokens_cached IS NULL)) AND ((tokens_in IS NULL) = (tokens_out IS NULL)))),
    CONSTRAINT ledger_check2 CHECK (((accepted IS NOT NULL) OR ((tokens_in IS NULL) AND (token_money IS NULL) AND (machine_money IS NULL)))),
    CONSTRAINT ledger_check3 CHECK (((token_money IS NULL) OR (machine_money IS NOT NULL))),
    CONSTRAINT ledger_check4 CHECK ((tokens_cached <= tokens_in))
)
PARTITION BY RANGE (run_id);

CREATE VIEW wave.calls AS
 SELECT run_id,
    interaction_id,
    run_step_id,
    record_id,
    reserved_tokens,
    reserved_money,
    service_us,
    token_money,
    machine_money,
    attempt,
    tokens_in,
    tokens_cached,
    tokens_out,
    accepted,
        CASE
            WHEN accepted THEN 'accepted'::text
            WHEN (NOT accepted) THEN 'failed'::text
            WHEN (EXISTS ( SELECT
               FROM wave.interactions i
              WHERE ((i.run_id = l.run_id) AND (i.interaction_id = l.interaction_id) AND (i.state = 'running'::wave.interaction_state) AND (i.attempt = l.attempt))
             OFFSET 0)) THEN 'running'::text
            ELSE 'unseen'::text
        END AS fate
   FROM wave.ledger l;

CREATE TABLE wave.claimable (
    queue_id bigint NOT NULL,
    rank integer NOT NULL,
    interaction_id bigint NOT NULL,
    run_id bigint NOT NULL,
    run_step_id bigint NOT NULL,
    suspect integer
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000', autovacuum_vacuum_cost_delay='0');

CREATE TABLE wave.claimed (
    wave_id bigint NOT NULL,
    interaction_id bigint NOT NULL,
    run_id bigint NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000', autovacuum_vacuum_cost_delay='0');

CREATE TABLE wave.count_deltas (
    delta_id bigint NOT NULL,
    run_id bigint NOT NULL,
    run_step_id bigint NOT NULL,
    state wave.interaction_state NOT NULL,
    delta bigint NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000', autovacuum_vacuum_cost_delay='0');

ALTER TABLE wave.count_deltas ALTER COLUMN delta_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.count_deltas_delta_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.counterparts (
    run_id bigint NOT NULL,
    interaction_id bigint NOT NULL,
    source_run_id bigint,
    source_id bigint,
    expected text,
    CONSTRAINT counterparts_check CHECK (((source_run_id IS NULL) = (source_id IS NULL)))
)
PARTITION BY RANGE (run_id);

CREATE TABLE wave.counterparts_r1 (
    run_id bigint CONSTRAINT counterparts_run_id_not_null NOT NULL,
    interaction_id bigint CONSTRAINT counterparts_interaction_id_not_null NOT NULL,
    source_run_id bigint,
    source_id bigint,
    expected text,
    CONSTRAINT counterparts_check CHECK (((source_run_id IS NULL) = (source_id IS NULL)))
);

CREATE TABLE wave.counts (
    run_id bigint NOT NULL,
    run_step_id bigint NOT NULL,
    state wave.interaction_state NOT NULL,
    n bigint NOT NULL
);

CREATE TABLE wave.decisions (
    run_id bigint NOT NULL,
    interaction_id bigint NOT NULL,
    round integer NOT NULL,
    person text NOT NULL,
    answer text,
    comment text,
    claim_token uuid NOT NULL,
    seconds double precision NOT NULL,
    decided_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT decisions_check CHECK (((answer IS NOT NULL) OR (comment IS NOT NULL))),
    CONSTRAINT decisions_comment_check CHECK ((comment <> ''::text)),
    CONSTRAINT decisions_person_check CHECK ((person <> ''::text)),
    CONSTRAINT decisions_seconds_check CHECK ((seconds >= (0)::double precision))
)
PARTITION BY RANGE (run_id);

CREATE TABLE wave.decisions_r1 (
    run_id bigint CONSTRAINT decisions_run_id_not_null NOT NULL,
    interaction_id bigint CONSTRAINT decisions_interaction_id_not_null NOT NULL,
    round integer CONSTRAINT decisions_round_not_null NOT NULL,
    person text CONSTRAINT decisions_person_not_null NOT NULL,
    answer text,
    comment text,
    claim_token uuid CONSTRAINT decisions_claim_token_not_null NOT NULL,
    seconds double precision CONSTRAINT decisions_seconds_not_null NOT NULL,
    decided_at timestamp with time zone DEFAULT clock_timestamp() CONSTRAINT decisions_decided_at_not_null NOT NULL,
    CONSTRAINT decisions_check CHECK (((answer IS NOT NULL) OR (comment IS NOT NULL))),
    CONSTRAINT decisions_comment_check CHECK ((comment <> ''::text)),
    CONSTRAINT decisions_person_check CHECK ((person <> ''::text)),
    CONSTRAINT decisions_seconds_check CHECK ((seconds >= (0)::double precision))
);

CREATE TABLE wave.definitions (
    definition_id bigint NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    body bytea NOT NULL,
    first_seen timestamp with time zone DEFAULT now() NOT NULL,
    approved_at timestamp with time zone,
    approved_by text,
    CONSTRAINT definitions_check CHECK ((sha256 = sha256(body))),
    CONSTRAINT definitions_check1 CHECK (((approved_at IS NULL) = (approved_by IS NULL))),
    CONSTRAINT definitions_kind_check CHECK ((kind = ANY (ARRAY['workflow'::text, 'step'::text, 'script'::text, 'file'::text, 'prompt'::text, 'schema'::text, 'model'::text, 'actor'::text, 'sql'::text]))),
    CONSTRAINT definitions_name_check CHECK ((name <> ''::text))
);

ALTER TABLE wave.definitions ALTER COLUMN definition_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.definitions_definition_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.drops (
    drop_id uuid DEFAULT gen_random_uuid() NOT NULL,
    before date NOT NULL,
    basis text NOT NULL,
    basis_nonce bytea NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    withdrawn_at timestamp with time zone,
    approved_by text,
    approved_at timestamp with time zone,
    CONSTRAINT drops_basis_check CHECK ((basis <> ''::text)),
    CONSTRAINT drops_basis_nonce_check CHECK ((length(basis_nonce) = 32)),
    CONSTRAINT drops_before_check CHECK ((before = date_trunc('month'::text, (before)::timestamp with time zone))),
    CONSTRAINT drops_check CHECK ((lower(approved_by) <> lower(requested_by))),
    CONSTRAINT drops_check1 CHECK (((approved_by IS NULL) = (approved_at IS NULL))),
    CONSTRAINT drops_check2 CHECK (((withdrawn_at IS NULL) OR (approved_at IS NULL))),
    CONSTRAINT drops_requested_by_check CHECK ((requested_by <> ''::text))
);

CREATE TABLE wave.run_ranges (
    first_run bigint NOT NULL,
    following bigint NOT NULL,
    month date NOT NULL,
    drop_id uuid,
    dropped_at timestamp with time zone,
    CONSTRAINT run_ranges_check CHECK ((following > first_run)),
    CONSTRAINT run_ranges_check1 CHECK (((dropped_at IS NULL) OR (drop_id IS NOT NULL))),
    CONSTRAINT run_ranges_first_run_check CHECK ((first_run > 0))
);

CREATE VIEW wave.dropped_ranges AS
 SELECT r.first_run,
    r.following,
    r.month,
    r.dropped_at,
    d.drop_id,
    d.requested_by,
    d.approved_by
   FROM (wave.run_ranges r
     JOIN wave.drops d USING (drop_id))
  WHERE (r.dropped_at IS NOT NULL);

CREATE TABLE wave.durations (
    queue_id bigint NOT NULL,
    bucket smallint NOT NULL,
    n integer NOT NULL,
    CONSTRAINT durations_n_check CHECK ((n > 0))
);

CREATE TABLE wave.erasures (
    erasure_id uuid DEFAULT gen_random_uuid() NOT NULL,
    record_id bigint NOT NULL,
    basis text NOT NULL,
    basis_nonce bytea NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    withdrawn_at timestamp with time zone,
    approved_by text,
    erased_at timestamp with time zone,
    CONSTRAINT erasures_basis_check CHECK ((basis <> ''::text)),
    CONSTRAINT erasures_basis_nonce_check CHECK ((length(basis_nonce) = 32)),
    CONSTRAINT erasures_check CHECK ((lower(approved_by) <> lower(requested_by))),
    CONSTRAINT erasures_check1 CHECK (((approved_by IS NULL) = (erased_at IS NULL))),
    CONSTRAINT erasures_check2 CHECK (((withdrawn_at IS NULL) OR (erased_at IS NULL))),
    CONSTRAINT erasures_requested_by_check CHECK ((requested_by <> ''::text))
);

CREATE SEQUENCE wave.event_ids
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE wave.event_log (
    log_index bigint NOT NULL,
    run_id bigint,
    event_id bigint,
    kind smallint NOT NULL,
    entry bytea NOT NULL,
    CONSTRAINT event_log_check CHECK (((kind = 0) = (event_id IS NOT NULL))),
    CONSTRAINT event_log_check1 CHECK (((event_id IS NULL) = (run_id IS NULL))),
    CONSTRAINT event_log_entry_check CHECK ((length(entry) <= 65535)),
    CONSTRAINT event_log_kind_check CHECK ((kind = ANY (ARRAY[0, 1, 2]))),
    CONSTRAINT event_log_log_index_check CHECK ((log_index >= 0))
);

CREATE TABLE wave.experiments (
    run_id bigint NOT NULL,
    step text NOT NULL,
    asked integer NOT NULL,
    times integer DEFAULT 1 NOT NULL,
    seed text,
    gold text,
    changes text NOT NULL,
    adopted_at timestamp with time zone,
    adopted_by text,
    reason text,
    reason_nonce bytea,
    source_run_id bigint,
    share double precision,
    looked_to bigint,
    fed integer,
    closed_at timestamp with time zone,
    CONSTRAINT experiments_asked_check CHECK ((asked > 0)),
    CONSTRAINT experiments_check CHECK ((num_nulls(source_run_id, share, looked_to, fed) = ANY (ARRAY[0, 4]))),
    CONSTRAINT experiments_check1 CHECK (((closed_at IS NULL) OR (source_run_id IS NOT NULL))),
    CONSTRAINT experiments_check2 CHECK (((seed IS NULL) = (gold IS NOT NULL))),
    CONSTRAINT experiments_check3 CHECK ((((adopted_at IS NULL) = (adopted_by IS NULL)) AND ((adopted_at IS NULL) = (reason IS NULL)) AND ((reason IS NULL) = (reason_nonce IS NULL)))),
    CONSTRAINT experiments_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT experiments_reason_nonce_check CHECK ((length(reason_nonce) = 32)),
    CONSTRAINT experiments_share_check CHECK (((share > (0)::double precision) AND (share <= (1)::double precision))),
    CONSTRAINT experiments_times_check CHECK ((times > 0))
);

CREATE TABLE wave.fan_outs (
    run_id bigint NOT NULL,
    interaction_id bigint,
    run_step_id bigint NOT NULL,
    after_staged bigint DEFAULT 0 NOT NULL,
    after_key text,
    begun bigint DEFAULT 0 NOT NULL,
    room bigint,
    again bigint DEFAULT 0 NOT NULL,
    unchanged bigint DEFAULT 0 NOT NULL,
    under_way bigint DEFAULT 0 NOT NULL,
    left_incomplete bigint DEFAULT 0 NOT NULL,
    vanished bigint DEFAULT 0 NOT NULL,
    erased bigint DEFAULT 0 NOT NULL,
    error text,
    closed_at timestamp with time zone,
    CONSTRAINT fan_outs_check CHECK (((error IS NULL) OR (closed_at IS NOT NULL)))
);

CREATE TABLE wave.firings (
    schedule text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    run_id bigint NOT NULL,
    fired_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE wave.hits (
    run_id bigint NOT NULL,
    interaction_id bigint NOT NULL,
    source_run_id bigint NOT NULL,
    source_id bigint NOT NULL,
    tokens bigint NOT NULL,
    service_us bigint NOT NULL
)
PARTITION BY RANGE (run_id);

CREATE TABLE wave.legal_holds (
    record_id bigint NOT NULL,
    reason text NOT NULL,
    reason_nonce bytea NOT NULL,
    placed_by text NOT NULL,
    placed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT legal_holds_placed_by_check CHECK ((placed_by <> ''::text)),
    CONSTRAINT legal_holds_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT legal_holds_reason_nonce_check CHECK ((length(reason_nonce) = 32))
);

CREATE VIEW wave.held_interactions AS
 SELECT i.run_id,
    i.interaction_id
   FROM (wave.legal_holds h
     JOIN wave.interactions i USING (record_id))
UNION
 SELECT x.source_run_id AS run_id,
    x.source_id AS interaction_id
   FROM ((wave.legal_holds h
     JOIN wave.interactions i USING (record_id))
     JOIN wave.hits x USING (run_id, interaction_id));

CREATE TABLE wave.workflows (
    workflow_id bigint NOT NULL,
    name text NOT NULL,
    definition_id bigint NOT NULL,
    drifted_to_id bigint,
    drifted_at timestamp with time zone,
    policy text DEFAULT 'warn'::text NOT NULL,
    stopped boolean GENERATED ALWAYS AS (((drifted_to_id IS NOT NULL) AND (policy = 'block'::text))) STORED NOT NULL,
    paused_at timestamp with time zone,
    paused_by text,
    CONSTRAINT workflows_check CHECK (((drifted_at IS NULL) = (drifted_to_id IS NULL))),
    CONSTRAINT workflows_check1 CHECK (((paused_at IS NULL) = (paused_by IS NULL))),
    CONSTRAINT workflows_name_check CHECK ((name <> ''::text)),
    CONSTRAINT workflows_policy_check CHECK ((policy = ANY (ARRAY['warn'::text, 'pin'::text, 'approve'::text, 'block'::text])))
);

CREATE VIEW wave.held_runs AS
 SELECT r.run_id,
    (r.cancelled_at IS NOT NULL) AS cancelled
   FROM (wave.workflow_runs r
     JOIN wave.workflows w USING (workflow_id))
  WHERE ((r.state = 'running'::text) AND ((r.paused_at IS NOT NULL) OR (r.cancelled_at IS NOT NULL) OR (w.paused_at IS NOT NULL) OR w.stopped));

CREATE TABLE wave.hits_r1 (
    run_id bigint CONSTRAINT hits_run_id_not_null NOT NULL,
    interaction_id bigint CONSTRAINT hits_interaction_id_not_null NOT NULL,
    source_run_id bigint CONSTRAINT hits_source_run_id_not_null NOT NULL,
    source_id bigint CONSTRAINT hits_source_id_not_null NOT NULL,
    tokens bigint CONSTRAINT hits_tokens_not_null NOT NULL,
    service_us bigint CONSTRAINT hits_service_us_not_null NOT NULL
);

CREATE TABLE wave.http_requests (
    person text NOT NULL,
    key text NOT NULL,
    sha256 bytea NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    answer text,
    CONSTRAINT http_requests_sha256_check CHECK ((length(sha256) = 32))
);

CREATE TABLE wave.http_sessions (
    session_id bigint NOT NULL,
    token_id bigint,
    own_sha256 bytea,
    sha256 bytea NOT NULL,
    opened_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT http_sessions_check CHECK (((token_id IS NULL) = (own_sha256 IS NOT NULL))),
    CONSTRAINT http_sessions_own_sha256_check CHECK ((length(own_sha256) = 32)),
    CONSTRAINT http_sessions_sha256_check CHECK ((length(sha256) = 32))
);

ALTER TABLE wave.http_sessions ALTER COLUMN session_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.http_sessions_session_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.interaction_events (
    event_id bigint DEFAULT nextval('wave.event_ids'::regclass) NOT NULL,
    run_id bigint NOT NULL,
    interaction_id bigint,
    cause_interaction_id bigint,
    wave_id bigint,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    type wave.event_type NOT NULL,
    seq integer,
    cause_seq integer,
    form smallint NOT NULL,
    correlation_id uuid,
    runner_id uuid,
    step text,
    actor text,
    definition bytea,
    data text NOT NULL COLLATE pg_catalog."C",
    sha256 bytea NOT NULL,
    db_user text DEFAULT SESSION_USER NOT NULL,
    CONSTRAINT interaction_events_check CHECK (((interaction_id IS NULL) = (seq IS NULL))),
    CONSTRAINT interaction_events_check1 CHECK (((cause_interaction_id IS NULL) = (cause_seq IS NULL))),
    CONSTRAINT interaction_events_data_check CHECK ((octet_length(data) <= 16384)),
    CONSTRAINT interaction_events_form_check CHECK ((form = 1)),
    CONSTRAINT interaction_events_sha256_check CHECK ((length(sha256) = 32))
)
PARTITION BY RANGE (run_id);

CREATE TABLE wave.interaction_events_r0 (
    event_id bigint DEFAULT nextval('wave.event_ids'::regclass) CONSTRAINT interaction_events_event_id_not_null NOT NULL,
    run_id bigint CONSTRAINT interaction_events_run_id_not_null NOT NULL,
    interaction_id bigint,
    cause_interaction_id bigint,
    wave_id bigint,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() CONSTRAINT interaction_events_recorded_at_not_null NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT interaction_events_xid_not_null NOT NULL,
    type wave.event_type CONSTRAINT interaction_events_type_not_null NOT NULL,
    seq integer,
    cause_seq integer,
    form smallint CONSTRAINT interaction_events_form_not_null NOT NULL,
    correlation_id uuid,
    runner_id uuid,
    step text,
    actor text,
    definition bytea,
    data text CONSTRAINT interaction_events_data_not_null NOT NULL COLLATE pg_catalog."C",
    sha256 bytea CONSTRAINT interaction_events_sha256_not_null NOT NULL,
    db_user text DEFAULT SESSION_USER CONSTRAINT interaction_events_db_user_not_null NOT NULL,
    CONSTRAINT interaction_events_check CHECK (((interaction_id IS NULL) = (seq IS NULL))),
    CONSTRAINT interaction_events_check1 CHECK (((cause_interaction_id IS NULL) = (cause_seq IS NULL))),
    CONSTRAINT interaction_events_data_check CHECK ((octet_length(data) <= 16384)),
    CONSTRAINT interaction_events_form_check CHECK ((form = 1)),
    CONSTRAINT interaction_events_sha256_check CHECK ((length(sha256) = 32))
);

CREATE TABLE wave.interaction_events_r1 (
    event_id bigint DEFAULT nextval('wave.event_ids'::regclass) CONSTRAINT interaction_events_event_id_not_null NOT NULL,
    run_id bigint CONSTRAINT interaction_events_run_id_not_null NOT NULL,
    interaction_id bigint,
    cause_interaction_id bigint,
    wave_id bigint,
    recorded_at timestamp with time zone DEFAULT clock_timestamp() CONSTRAINT interaction_events_recorded_at_not_null NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() CONSTRAINT interaction_events_xid_not_null NOT NULL,
    type wave.event_type CONSTRAINT interaction_events_type_not_null NOT NULL,
    seq integer,
    cause_seq integer,
    form smallint CONSTRAINT interaction_events_form_not_null NOT NULL,
    correlation_id uuid,
    runner_id uuid,
    step text,
    actor text,
    definition bytea,
    data text CONSTRAINT interaction_events_data_not_null NOT NULL COLLATE pg_catalog."C",
    sha256 bytea CONSTRAINT interaction_events_sha256_not_null NOT NULL,
    db_user text DEFAULT SESSION_USER CONSTRAINT interaction_events_db_user_not_null NOT NULL,
    CONSTRAINT interaction_events_check CHECK (((interaction_id IS NULL) = (seq IS NULL))),
    CONSTRAINT interaction_events_check1 CHECK (((cause_interaction_id IS NULL) = (cause_seq IS NULL))),
    CONSTRAINT interaction_events_data_check CHECK ((octet_length(data) <= 16384)),
    CONSTRAINT interaction_events_form_check CHECK ((form = 1)),
    CONSTRAINT interaction_events_sha256_check CHECK ((length(sha256) = 32))
);

CREATE TABLE wave.interaction_inputs (
    run_id bigint NOT NULL,
    interaction_id bigint NOT NULL,
    source_id bigint NOT NULL
)
PARTITION BY RANGE (run_id);

CREATE TABLE wave.interaction_inputs_r1 (
    run_id bigint CONSTRAINT interaction_inputs_run_id_not_null NOT NULL,
    interaction_id bigint CONSTRAINT interaction_inputs_interaction_id_not_null NOT NULL,
    source_id bigint CONSTRAINT interaction_inputs_source_id_not_null NOT NULL
);

CREATE TABLE wave.interactions_r1 (
    run_id bigint CONSTRAINT interactions_run_id_not_null NOT NULL,
    interaction_id bigint DEFAULT nextval('wave.interaction_ids'::regclass) CONSTRAINT interactions_interaction_id_not_null NOT NULL,
    run_step_id bigint CONSTRAINT interactions_run_step_id_not_null NOT NULL,
    queue_id bigint CONSTRAINT interactions_queue_id_not_null NOT NULL,
    record_id bigint,
    correlation_id uuid CONSTRAINT interactions_correlation_id_not_null NOT NULL,
    item integer DEFAULT 0 CONSTRAINT interactions_item_not_null NOT NULL,
    iteration integer DEFAULT 0 CONSTRAINT interactions_iteration_not_null NOT NULL,
    generation bigint DEFAULT 0 CONSTRAINT interactions_generation_not_null NOT NULL,
    parent_id bigint,
    parent_seq integer,
    rank integer DEFAULT 0 CONSTRAINT interactions_rank_not_null NOT NULL,
    state wave.interaction_state DEFAULT 'pending'::wave.interaction_state CONSTRAINT interactions_state_not_null NOT NULL,
    in_force boolean DEFAULT true CONSTRAINT interactions_in_force_not_null NOT NULL,
    superseded_by bigint,
    ready_at timestamp with time zone,
    wave_id bigint,
    suspect integer,
    attempt integer DEFAULT 0 CONSTRAINT interactions_attempt_not_null NOT NULL,
    errors integer DEFAULT 0 CONSTRAINT interactions_errors_not_null NOT NULL,
    crashes integer DEFAULT 0 CONSTRAINT interactions_crashes_not_null NOT NULL,
    seq integer DEFAULT 0 CONSTRAINT interactions_seq_not_null NOT NULL,
    input text,
    input_nonce bytea,
    output text,
    output_nonce bytea,
    error_class text,
    rule text,
    error text,
    handled boolean DEFAULT false CONSTRAINT interactions_handled_not_null NOT NULL,
    erased boolean DEFAULT false CONSTRAINT interactions_erased_not_null NOT NULL,
    tokens_in integer,
    tokens_out integer,
    service_us bigint,
    created_at timestamp with time zone DEFAULT now() CONSTRAINT interactions_created_at_not_null NOT NULL,
    waits_since timestamp with time zone DEFAULT now() CONSTRAINT interactions_waits_since_not_null NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT interactions_check CHECK (((state <> 'running'::wave.interaction_state) OR (wave_id IS NOT NULL))),
    CONSTRAINT interactions_check1 CHECK (((state <> 'pending'::wave.interaction_state) OR (wave_id IS NULL))),
    CONSTRAINT interactions_check10 CHECK (((parent_id IS NULL) = (parent_seq IS NULL))),
    CONSTRAINT interactions_check11 CHECK (((input IS NULL) = (input_nonce IS NULL))),
    CONSTRAINT interactions_check12 CHECK (((output IS NULL) = (output_nonce IS NULL))),
    CONSTRAINT interactions_check2 CHECK (((errors <= attempt) AND (crashes <= attempt))),
    CONSTRAINT interactions_check3 CHECK (((ready_at IS NULL) OR (state = 'pending'::wave.interaction_state))),
    CONSTRAINT interactions_check4 CHECK (((finished_at IS NOT NULL) = (state = ANY (ARRAY['completed'::wave.interaction_state, 'failed'::wave.interaction_state, 'quarantined'::wave.interaction_state, 'skipped'::wave.interaction_state, 'cancelled'::wave.interaction_state, 'invalidated'::wave.interaction_state])))),
    CONSTRAINT interactions_check5 CHECK (((finished_at IS NULL) OR (started_at IS NULL) OR (finished_at >= started_at))),
    CONSTRAINT interactions_check6 CHECK (
CASE
    WHEN erased THEN ((finished_at IS NOT NULL) AND (input IS NULL) AND (output IS NULL))
    ELSE ((output IS NOT NULL) = (state = ANY (ARRAY['completed'::wave.interaction_state, 'invalidated'::wave.interaction_state])))
END),
    CONSTRAINT interactions_check7 CHECK (((superseded_by IS NULL) OR (NOT in_force))),
    CONSTRAINT interactions_check8 CHECK (((NOT handled) OR (state = ANY (ARRAY['failed'::wave.interaction_state, 'quarantined'::wave.interaction_state])))),
    CONSTRAINT interactions_check9 CHECK (((state <> ALL (ARRAY['failed'::wave.interaction_state, 'quarantined'::wave.interaction_state, 'cancelled'::wave.interaction_state])) OR (error IS NOT NULL)))
)
WITH (fillfactor='25', autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');

CREATE TABLE wave.interim_sums (
    run_id bigint NOT NULL,
    next_at timestamp with time zone NOT NULL,
    counted_at timestamp with time zone,
    newest_event_id bigint,
    sums text,
    details text,
    CONSTRAINT interim_sums_check CHECK ((((counted_at IS NULL) = (sums IS NULL)) AND ((newest_event_id IS NULL) = (sums IS NULL)) AND ((details IS NULL) = (sums IS NULL))))
);

CREATE TABLE wave.invalidations (
    invalidation_id bigint NOT NULL,
    workflow text NOT NULL,
    step text NOT NULL,
    reason text NOT NULL,
    reason_nonce bytea NOT NULL,
    ordered_by text NOT NULL,
    ordered_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT invalidations_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT invalidations_reason_nonce_check CHECK ((length(reason_nonce) = 32))
);

ALTER TABLE wave.invalidations ALTER COLUMN invalidation_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.invalidations_invalidation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.joins (
    run_id bigint NOT NULL,
    record_id bigint NOT NULL,
    run_step_id bigint NOT NULL,
    iteration integer NOT NULL,
    generation bigint NOT NULL,
    more integer DEFAULT 0 NOT NULL,
    arrived integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    skipped integer DEFAULT 0 NOT NULL,
    not_taken integer DEFAULT 0 NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    interaction_id bigint,
    CONSTRAINT joins_check CHECK (((state <> 'gone'::text) OR (interaction_id IS NOT NULL))),
    CONSTRAINT joins_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'gone'::text, 'skipped'::text, 'left_out'::text])))
)
PARTITION BY RANGE (run_id);

CREATE TABLE wave.joins_r1 (
    run_id bigint CONSTRAINT joins_run_id_not_null NOT NULL,
    record_id bigint CONSTRAINT joins_record_id_not_null NOT NULL,
    run_step_id bigint CONSTRAINT joins_run_step_id_not_null NOT NULL,
    iteration integer CONSTRAINT joins_iteration_not_null NOT NULL,
    generation bigint CONSTRAINT joins_generation_not_null NOT NULL,
    more integer DEFAULT 0 CONSTRAINT joins_more_not_null NOT NULL,
    arrived integer DEFAULT 0 CONSTRAINT joins_arrived_not_null NOT NULL,
    failed integer DEFAULT 0 CONSTRAINT joins_failed_not_null NOT NULL,
    skipped integer DEFAULT 0 CONSTRAINT joins_skipped_not_null NOT NULL,
    not_taken integer DEFAULT 0 CONSTRAINT joins_not_taken_not_null NOT NULL,
    state text DEFAULT 'waiting'::text CONSTRAINT joins_state_not_null NOT NULL,
    interaction_id bigint,
    CONSTRAINT joins_check CHECK (((state <> 'gone'::text) OR (interaction_id IS NOT NULL))),
    CONSTRAINT joins_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'gone'::text, 'skipped'::text, 'left_out'::text])))
);

CREATE TABLE wave.run_sums (
    run_id bigint NOT NULL,
    newest_event_id bigint NOT NULL,
    begun_before xid8 NOT NULL,
    unsettled bigint,
    sums text,
    details text,
    CONSTRAINT run_sums_check CHECK ((((unsettled IS NULL) = (sums IS NULL)) AND ((details IS NULL) = (sums IS NULL))))
);

CREATE VIEW wave.kept_sums AS
 SELECT run_id,
    sums,
    details
   FROM wave.run_sums k
  WHERE ((sums IS NOT NULL) AND (newest_event_id = ( SELECT interaction_events.event_id
           FROM wave.interaction_events
          WHERE (interaction_events.run_id = k.run_id)
          ORDER BY interaction_events.event_id DESC
         LIMIT 1)) AND (unsettled = ( SELECT count(*) AS count
           FROM wave.ledger
          WHERE ((ledger.run_id = k.run_id) AND (ledger.accepted IS NULL)))));

CREATE TABLE wave.last_results (
    run_step_id bigint NOT NULL,
    run_id bigint NOT NULL,
    size integer NOT NULL,
    recent text NOT NULL,
    CONSTRAINT last_results_size_check CHECK ((size > 0))
);

CREATE TABLE wave.ledger_r1 (
    run_id bigint CONSTRAINT ledger_run_id_not_null NOT NULL,
    interaction_id bigint CONSTRAINT ledger_interaction_id_not_null NOT NULL,
    run_step_id bigint CONSTRAINT ledger_run_step_id_not_null NOT NULL,
    record_id bigint,
    reserved_tokens bigint CONSTRAINT ledger_reserved_tokens_not_null NOT NULL,
    reserved_money bigint CONSTRAINT ledger_reserved_money_not_null NOT NULL,
    service_us bigint,
    token_money bigint,
    machine_money bigint,
    attempt integer CONSTRAINT ledger_attempt_not_null NOT NULL,
    tokens_in integer,
    tokens_cached integer,
    tokens_out integer,
    accepted boolean,
    CONSTRAINT ledger_check CHECK (((accepted IS NULL) = (service_us IS NULL))),
    CONSTRAINT ledger_check1 CHECK ((((tokens_in IS NULL) = (tokens_cached IS NULL)) AND ((tokens_in IS NULL) = (tokens_out IS NULL)))),
    CONSTRAINT ledger_check2 CHECK (((accepted IS NOT NULL) OR ((tokens_in IS NULL) AND (token_money IS NULL) AND (machine_money IS NULL)))),
    CONSTRAINT ledger_check3 CHECK (((token_money IS NULL) OR (machine_money IS NOT NULL))),
    CONSTRAINT ledger_check4 CHECK ((tokens_cached <= tokens_in))
);

CREATE TABLE wave.log_checkpoints (
    size bigint NOT NULL,
    note text NOT NULL,
    signed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE wave.log_state (
    only_one boolean DEFAULT true NOT NULL,
    origin text NOT NULL,
    next_index bigint DEFAULT 0 NOT NULL,
    frontier bytea[] DEFAULT '{}'::bytea[] NOT NULL,
    last_snapshot pg_snapshot,
    target_snapshot pg_snapshot,
    after_event_id bigint,
    until_event_id bigint,
    system_identifier bigint,
    floor_event_id bigint DEFAULT 0 NOT NULL,
    public_key bytea,
    stopped text,
    stopped_at timestamp with time zone,
    stopped_because text,
    trouble text,
    troubled_at timestamp with time zone,
    CONSTRAINT log_state_check CHECK (((target_snapshot IS NULL) = (after_event_id IS NULL))),
    CONSTRAINT log_state_check1 CHECK (((target_snapshot IS NULL) = (until_event_id IS NULL))),
    CONSTRAINT log_state_check2 CHECK (((last_snapshot IS NULL) = (system_identifier IS NULL))),
    CONSTRAINT log_state_check3 CHECK ((((stopped IS NULL) = (stopped_at IS NULL)) AND ((stopped IS NULL) = (stopped_because IS NULL)))),
    CONSTRAINT log_state_check4 CHECK (((trouble IS NULL) = (troubled_at IS NULL))),
    CONSTRAINT log_state_only_one_check CHECK (only_one),
    CONSTRAINT log_state_public_key_check CHECK ((length(public_key) = 32)),
    CONSTRAINT log_state_stopped_check CHECK ((stopped = ANY (ARRAY['ROLLED_BACK'::text, 'FORKED'::text])))
);

CREATE TABLE wave.log_tiles (
    level smallint NOT NULL,
    tile_index bigint NOT NULL,
    hashes bytea NOT NULL,
    root bytea NOT NULL,
    CONSTRAINT log_tiles_hashes_check CHECK ((length(hashes) = 8192)),
    CONSTRAINT log_tiles_root_check CHECK ((length(root) = 32))
);
ALTER TABLE ONLY wave.log_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE wave.notice_looks (
    only_one boolean DEFAULT true NOT NULL,
    looked_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT notice_looks_only_one_check CHECK (only_one)
);

CREATE TABLE wave.notices (
    notice_id uuid DEFAULT gen_random_uuid() NOT NULL,
    settles uuid,
    run_id bigint,
    kind text NOT NULL,
    subject text NOT NULL,
    since timestamp with time zone NOT NULL,
    message text NOT NULL,
    in_force boolean NOT NULL,
    made_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT clock_timestamp(),
    trouble text,
    sent_at timestamp with time zone,
    given_up_at timestamp with time zone,
    CONSTRAINT notices_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT notices_check CHECK ((num_nonnulls(next_at, sent_at, given_up_at) = 1)),
    CONSTRAINT notices_check1 CHECK (((NOT in_force) OR (settles IS NULL))),
    CONSTRAINT notices_check2 CHECK (((sent_at IS NULL) OR (trouble IS NULL))),
    CONSTRAINT notices_check3 CHECK (((given_up_at IS NULL) OR (trouble IS NOT NULL))),
    CONSTRAINT notices_trouble_check CHECK ((trouble <> ''::text))
);

CREATE SEQUENCE wave.payload_ids
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE wave.payloads (
    run_id bigint NOT NULL,
    payload_id bigint DEFAULT nextval('wave.payload_ids'::regclass) NOT NULL,
    interaction_id bigint NOT NULL,
    attempt integer NOT NULL,
    role text NOT NULL,
    media_type text NOT NULL,
    nonce bytea,
    content bytea,
    CONSTRAINT payloads_check CHECK (((nonce IS NULL) = (content IS NULL))),
    CONSTRAINT payloads_nonce_check CHECK ((length(nonce) = 32)),
    CONSTRAINT payloads_role_check CHECK ((role = ANY (ARRAY['request'::text, 'answer'::text, 'server'::text, 'log'::text, 'error'::text, 'before'::text])))
)
PARTITION BY RANGE (run_id);

CREATE TABLE wave.payloads_r1 (
    run_id bigint CONSTRAINT payloads_run_id_not_null NOT NULL,
    payload_id bigint DEFAULT nextval('wave.payload_ids'::regclass) CONSTRAINT payloads_payload_id_not_null NOT NULL,
    interaction_id bigint CONSTRAINT payloads_interaction_id_not_null NOT NULL,
    attempt integer CONSTRAINT payloads_attempt_not_null NOT NULL,
    role text CONSTRAINT payloads_role_not_null NOT NULL,
    media_type text CONSTRAINT payloads_media_type_not_null NOT NULL,
    nonce bytea,
    content bytea,
    CONSTRAINT payloads_check CHECK (((nonce IS NULL) = (content IS NULL))),
    CONSTRAINT payloads_nonce_check CHECK ((length(nonce) = 32)),
    CONSTRAINT payloads_role_check CHECK ((role = ANY (ARRAY['request'::text, 'answer'::text, 'server'::text, 'log'::text, 'error'::text, 'before'::text])))
);

CREATE TABLE wave.picked (
    pick_id bigint NOT NULL,
    interaction_id bigint NOT NULL,
    seq integer NOT NULL
);

CREATE TABLE wave.picks (
    pick_id bigint NOT NULL,
    run_id bigint NOT NULL,
    person text NOT NULL,
    picked_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    kind text,
    reason text,
    reason_nonce bytea,
    answer_sha256 bytea,
    ordered_at timestamp with time zone,
    done bigint DEFAULT 0 NOT NULL,
    CONSTRAINT picks_answer_sha256_check CHECK ((length(answer_sha256) = 32)),
    CONSTRAINT picks_check CHECK ((((kind IS NULL) = (reason IS NULL)) AND ((kind IS NULL) = (reason_nonce IS NULL)) AND ((kind IS NULL) = (ordered_at IS NULL)))),
    CONSTRAINT picks_check1 CHECK (((kind IS NOT NULL) OR (done = 0))),
    CONSTRAINT picks_check2 CHECK (((answer_sha256 IS NOT NULL) = COALESCE((kind = 'decide'::text), false))),
    CONSTRAINT picks_done_check CHECK ((done >= 0)),
    CONSTRAINT picks_kind_check CHECK ((kind = ANY (ARRAY['retry'::text, 'cancel'::text, 'decide'::text]))),
    CONSTRAINT picks_person_check CHECK ((person <> ''::text)),
    CONSTRAINT picks_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT picks_reason_nonce_check CHECK ((length(reason_nonce) = 32))
);

ALTER TABLE wave.picks ALTER COLUMN pick_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.picks_pick_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.project (
    only_one boolean DEFAULT true NOT NULL,
    project_id text NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT project_only_one_check CHECK (only_one),
    CONSTRAINT project_project_id_check CHECK ((project_id <> ''::text))
);

CREATE TABLE wave.project_files (
    path text NOT NULL,
    sha256 bytea NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT project_files_sha256_check CHECK ((length(sha256) = 32))
);

CREATE TABLE wave.projections (
    projection_id bigint NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    code_sha256 bytea NOT NULL,
    state text NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    advanced_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    stuck_because text,
    stuck_since timestamp with time zone,
    verified_position bigint,
    verified_at timestamp with time zone,
    digest bytea,
    diverged_since timestamp with time zone,
    CONSTRAINT projections_check CHECK (((stuck_because IS NULL) = (stuck_since IS NULL))),
    CONSTRAINT projections_check1 CHECK ((((verified_position IS NULL) = (verified_at IS NULL)) AND ((verified_position IS NULL) = (digest IS NULL)))),
    CONSTRAINT projections_check2 CHECK (((verified_position IS NOT NULL) OR (diverged_since IS NULL))),
    CONSTRAINT projections_code_sha256_check CHECK ((length(code_sha256) = 32)),
    CONSTRAINT projections_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT projections_name_check CHECK ((name <> ''::text)),
    CONSTRAINT projections_position_check CHECK (("position" >= 0)),
    CONSTRAINT projections_state_check CHECK ((state = ANY (ARRAY['building'::text, 'live'::text, 'retired'::text]))),
    CONSTRAINT projections_version_check CHECK ((version > 0))
);

ALTER TABLE wave.projections ALTER COLUMN projection_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.projections_projection_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.queues (
    queue_id bigint NOT NULL,
    work_key text NOT NULL,
    template text NOT NULL,
    lane text NOT NULL,
    actor_id bigint NOT NULL,
    needs text[] DEFAULT '{}'::text[] NOT NULL,
    samples integer DEFAULT 0 NOT NULL,
    p99_s double precision DEFAULT 0 NOT NULL
);

ALTER TABLE wave.queues ALTER COLUMN queue_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.queues_queue_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.record_counts (
    projection_id bigint NOT NULL,
    run_id bigint NOT NULL,
    state text NOT NULL,
    n bigint NOT NULL,
    CONSTRAINT record_counts_n_check CHECK ((n >= 0)),
    CONSTRAINT record_counts_state_check CHECK ((state = ANY (ARRAY['live'::text, 'completed'::text, 'incomplete'::text])))
);

CREATE TABLE wave.record_states (
    projection_id bigint NOT NULL,
    run_id bigint NOT NULL,
    correlation_id uuid NOT NULL,
    first_index bigint NOT NULL,
    last_index bigint NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    step_state wave.interaction_state,
    attempts integer NOT NULL,
    troubles integer NOT NULL,
    events integer NOT NULL,
    whole_run boolean NOT NULL,
    state text NOT NULL,
    step text,
    CONSTRAINT record_states_check CHECK (((first_index <= last_index) AND (begun_at <= changed_at))),
    CONSTRAINT record_states_state_check CHECK ((state = ANY (ARRAY['live'::text, 'completed'::text, 'incomplete'::text])))
)
WITH (fillfactor='60');

CREATE TABLE wave.records (
    record_id bigint NOT NULL,
    collection text NOT NULL,
    key text NOT NULL,
    seen_in bigint,
    vanished_in bigint,
    vanished_at timestamp with time zone,
    CONSTRAINT records_check CHECK (((vanished_in IS NULL) = (vanished_at IS NULL))),
    CONSTRAINT records_check1 CHECK ((vanished_in > seen_in)),
    CONSTRAINT records_key_check CHECK ((key <> ''::text))
);

ALTER TABLE wave.records ALTER COLUMN record_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.records_record_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE SEQUENCE wave.rerun_ids
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE wave.reruns (
    run_id bigint NOT NULL,
    generation bigint NOT NULL,
    pinned_at timestamp with time zone DEFAULT now() NOT NULL,
    from_step text,
    leads_on boolean DEFAULT true NOT NULL,
    reason text,
    reason_nonce bytea,
    ordered_by text,
    undone_at timestamp with time zone,
    undone_by text,
    CONSTRAINT reruns_check CHECK (((generation = 0) = (from_step IS NULL))),
    CONSTRAINT reruns_check1 CHECK ((((generation = 0) = (reason IS NULL)) AND ((reason IS NULL) = (reason_nonce IS NULL)) AND ((reason IS NULL) = (ordered_by IS NULL)))),
    CONSTRAINT reruns_check2 CHECK (((undone_at IS NULL) = (undone_by IS NULL))),
    CONSTRAINT reruns_reason_nonce_check CHECK ((length(reason_nonce) = 32))
);

CREATE TABLE wave.run_records (
    run_id bigint NOT NULL,
    record_id bigint NOT NULL,
    workflow_id bigint,
    correlation_id uuid DEFAULT gen_random_uuid() NOT NULL,
    live integer NOT NULL,
    state text DEFAULT 'live'::text NOT NULL,
    broken text,
    read_hash bytea,
    settled_at timestamp with time zone,
    CONSTRAINT run_records_check CHECK (((state = 'live'::text) = (live > 0))),
    CONSTRAINT run_records_check1 CHECK (((state = ANY (ARRAY['completed'::text, 'incomplete'::text])) = (settled_at IS NOT NULL))),
    CONSTRAINT run_records_check2 CHECK (((state = 'incomplete'::text) = (broken IS NOT NULL))),
    CONSTRAINT run_records_live_check CHECK ((live >= 0)),
    CONSTRAINT run_records_read_hash_check CHECK ((length(read_hash) = 32)),
    CONSTRAINT run_records_state_check CHECK ((state = ANY (ARRAY['live'::text, 'ended'::text, 'completed'::text, 'incomplete'::text])))
);

CREATE VIEW wave.retryable AS
 SELECT run_id,
    interaction_id,
    seq,
    run_step_id,
    record_id,
    wave_id,
    state,
    error_class,
    rule
   FROM wave.interactions i
  WHERE ((state = ANY (ARRAY['failed'::wave.interaction_state, 'quarantined'::wave.interaction_state])) AND (error IS NOT NULL) AND in_force AND (NOT handled) AND (NOT erased) AND (NOT (EXISTS ( SELECT
           FROM (wave.run_records mine
             JOIN wave.run_records o USING (workflow_id, record_id))
          WHERE ((mine.run_id = i.run_id) AND (mine.record_id = i.record_id) AND (o.run_id <> i.run_id) AND (o.state = 'live'::text))))));

CREATE TABLE wave.run_counts (
    run_id bigint NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    at_start bigint,
    at_end bigint
);

CREATE SEQUENCE wave.run_ids
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE wave.run_steps (
    run_step_id bigint NOT NULL,
    run_id bigint NOT NULL,
    generation bigint NOT NULL,
    step_id bigint NOT NULL,
    "position" integer NOT NULL,
    actor_id bigint NOT NULL,
    definition_id bigint NOT NULL,
    queue_id bigint NOT NULL,
    queue_s double precision,
    step_s double precision
);

ALTER TABLE wave.run_steps ALTER COLUMN run_step_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.run_steps_run_step_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.runners (
    runner_id uuid NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    version text NOT NULL,
    labels text[] NOT NULL,
    servers text[] NOT NULL,
    script_slots integer NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    told text DEFAULT 'work'::text NOT NULL,
    CONSTRAINT runners_told_check CHECK ((told = ANY (ARRAY['work'::text, 'pause'::text, 'drain'::text, 'stop'::text])))
);

CREATE SEQUENCE wave.value_write_ids
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE wave.value_writes (
    run_id bigint NOT NULL,
    value_write_id bigint DEFAULT nextval('wave.value_write_ids'::regclass) NOT NULL,
    interaction_id bigint NOT NULL,
    record_id bigint NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    before_sha256 bytea,
    after_sha256 bytea,
    before_payload_id bigint,
    before_commitment bytea,
    nonce bytea,
    commitment bytea,
    is_undo boolean DEFAULT false NOT NULL,
    is_intake boolean DEFAULT false NOT NULL,
    written_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT value_writes_before_commitment_check CHECK ((length(before_commitment) = 32)),
    CONSTRAINT value_writes_check CHECK (((before_sha256 IS NULL) = (after_sha256 IS NULL))),
    CONSTRAINT value_writes_check1 CHECK (((nonce IS NULL) = (after_sha256 IS NULL))),
    CONSTRAINT value_writes_check2 CHECK (((nonce IS NULL) = (commitment IS NOT NULL))),
    CONSTRAINT value_writes_commitment_check CHECK ((length(commitment) = 32)),
    CONSTRAINT value_writes_nonce_check CHECK ((length(nonce) = 32))
)
PARTITION BY RANGE (run_id);

CREATE VIEW wave.saved_values AS
 SELECT run_id,
    value_write_id,
    interaction_id,
    record_id,
    table_name,
    column_name,
    before_sha256,
    after_sha256,
    before_payload_id,
    before_commitment,
    nonce,
    commitment,
    is_undo,
    is_intake,
    written_at
   FROM wave.value_writes
  WHERE ((NOT is_intake) AND ((before_payload_id IS NOT NULL) OR (before_sha256 IS NULL) OR (before_sha256 <> after_sha256)));

CREATE TABLE wave.saved_views (
    view_id bigint NOT NULL,
    page text NOT NULL,
    name text NOT NULL,
    query text NOT NULL,
    saved_by text NOT NULL,
    saved_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT saved_views_name_check CHECK (((length(name) >= 1) AND (length(name) <= 80))),
    CONSTRAINT saved_views_page_check CHECK ((page = ANY (ARRAY['runs'::text, 'interactions'::text, 'errors'::text, 'tasks'::text, 'reviews'::text]))),
    CONSTRAINT saved_views_query_check CHECK ((query <> ''::text)),
    CONSTRAINT saved_views_saved_by_check CHECK ((saved_by <> ''::text))
);

ALTER TABLE wave.saved_views ALTER COLUMN view_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.saved_views_view_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.schedules (
    name text NOT NULL,
    cron text NOT NULL,
    timezone text NOT NULL,
    next_at timestamp with time zone,
    blocked_at timestamp with time zone,
    blocked_by text,
    CONSTRAINT schedules_check CHECK (((blocked_at IS NULL) = (blocked_by IS NULL))),
    CONSTRAINT schedules_name_check CHECK ((name <> ''::text))
);

CREATE TABLE wave.schema_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE wave.server_owners (
    server text NOT NULL,
    runner_id uuid NOT NULL,
    lease_expires_at timestamp with time zone NOT NULL
);

CREATE TABLE wave.spending (
    run_id bigint NOT NULL,
    record_id bigint NOT NULL,
    interactions bigint DEFAULT 0 NOT NULL,
    model_calls bigint DEFAULT 0 NOT NULL,
    seconds bigint DEFAULT 0 NOT NULL,
    tokens bigint DEFAULT 0 NOT NULL,
    money bigint DEFAULT 0 NOT NULL,
    more_tokens bigint DEFAULT 0 NOT NULL,
    more_money bigint DEFAULT 0 NOT NULL,
    CONSTRAINT spending_check CHECK (((record_id = 0) OR ((more_tokens = 0) AND (more_money = 0))))
);

CREATE SEQUENCE wave.staged_ids
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE wave.staged_records (
    run_id bigint NOT NULL,
    staged_id bigint DEFAULT nextval('wave.staged_ids'::regclass) NOT NULL,
    interaction_id bigint NOT NULL,
    collection text NOT NULL,
    source text NOT NULL,
    "position" json,
    raw json,
    state text DEFAULT 'waiting'::text NOT NULL,
    errors jsonb DEFAULT '[]'::jsonb NOT NULL,
    record_id bigint,
    staged_at timestamp with time zone DEFAULT now() NOT NULL,
    decided_at timestamp with time zone,
    decider_id bigint,
    decided_by text,
    again_in bigint,
    copy_of bigint,
    CONSTRAINT staged_records_check CHECK (((raw IS NOT NULL) OR (state <> 'waiting'::text))),
    CONSTRAINT staged_records_check1 CHECK (((state = 'waiting'::text) = (decided_at IS NULL))),
    CONSTRAINT staged_records_check2 CHECK (((decided_at IS NULL) = ((decider_id IS NULL) AND (decided_by IS NULL)))),
    CONSTRAINT staged_records_check3 CHECK (((state <> ALL (ARRAY['promoted'::text, 'updated'::text, 'unchanged'::text])) OR (record_id IS NOT NULL))),
    CONSTRAINT staged_records_check4 CHECK (
CASE state
    WHEN 'rejected'::text THEN (errors <> '[]'::jsonb)
    WHEN 'revalidated'::text THEN true
    ELSE (errors = '[]'::jsonb)
END),
    CONSTRAINT staged_records_check5 CHECK (((state = 'revalidated'::text) = (again_in IS NOT NULL))),
    CONSTRAINT staged_records_decided_by_check CHECK ((decided_by <> ''::text)),
    CONSTRAINT staged_records_errors_check CHECK ((jsonb_typeof(errors) = 'array'::text)),
    CONSTRAINT staged_records_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'promoted'::text, 'updated'::text, 'unchanged'::text, 'rejected'::text, 'revalidated'::text, 'rolled_back'::text])))
)
PARTITION BY RANGE (run_id);

CREATE TABLE wave.staged_records_r1 (
    run_id bigint CONSTRAINT staged_records_run_id_not_null NOT NULL,
    staged_id bigint DEFAULT nextval('wave.staged_ids'::regclass) CONSTRAINT staged_records_staged_id_not_null NOT NULL,
    interaction_id bigint CONSTRAINT staged_records_interaction_id_not_null NOT NULL,
    collection text CONSTRAINT staged_records_collection_not_null NOT NULL,
    source text CONSTRAINT staged_records_source_not_null NOT NULL,
    "position" json,
    raw json,
    state text DEFAULT 'waiting'::text CONSTRAINT staged_records_state_not_null NOT NULL,
    errors jsonb DEFAULT '[]'::jsonb CONSTRAINT staged_records_errors_not_null NOT NULL,
    record_id bigint,
    staged_at timestamp with time zone DEFAULT now() CONSTRAINT staged_records_staged_at_not_null NOT NULL,
    decided_at timestamp with time zone,
    decider_id bigint,
    decided_by text,
    again_in bigint,
    copy_of bigint,
    CONSTRAINT staged_records_check CHECK (((raw IS NOT NULL) OR (state <> 'waiting'::text))),
    CONSTRAINT staged_records_check1 CHECK (((state = 'waiting'::text) = (decided_at IS NULL))),
    CONSTRAINT staged_records_check2 CHECK (((decided_at IS NULL) = ((decider_id IS NULL) AND (decided_by IS NULL)))),
    CONSTRAINT staged_records_check3 CHECK (((state <> ALL (ARRAY['promoted'::text, 'updated'::text, 'unchanged'::text])) OR (record_id IS NOT NULL))),
    CONSTRAINT staged_records_check4 CHECK (
CASE state
    WHEN 'rejected'::text THEN (errors <> '[]'::jsonb)
    WHEN 'revalidated'::text THEN true
    ELSE (errors = '[]'::jsonb)
END),
    CONSTRAINT staged_records_check5 CHECK (((state = 'revalidated'::text) = (again_in IS NOT NULL))),
    CONSTRAINT staged_records_decided_by_check CHECK ((decided_by <> ''::text)),
    CONSTRAINT staged_records_errors_check CHECK ((jsonb_typeof(errors) = 'array'::text)),
    CONSTRAINT staged_records_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'promoted'::text, 'updated'::text, 'unchanged'::text, 'rejected'::text, 'revalidated'::text, 'rolled_back'::text])))
);

CREATE TABLE wave.staging_orders (
    order_id bigint NOT NULL,
    run_id bigint NOT NULL,
    kind text NOT NULL,
    rows bigint NOT NULL,
    again_in bigint,
    reason text NOT NULL,
    reason_nonce bytea NOT NULL,
    ordered_by text NOT NULL,
    ordered_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT staging_orders_check CHECK (((kind = ANY (ARRAY['revalidate'::text, 'promote'::text])) = (again_in IS NOT NULL))),
    CONSTRAINT staging_orders_kind_check CHECK ((kind = ANY (ARRAY['revalidate'::text, 'promote'::text, 'reject'::text, 'roll_back'::text]))),
    CONSTRAINT staging_orders_ordered_by_check CHECK ((ordered_by <> ''::text)),
    CONSTRAINT staging_orders_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT staging_orders_reason_nonce_check CHECK ((length(reason_nonce) = 32)),
    CONSTRAINT staging_orders_rows_check CHECK ((rows > 0))
);

ALTER TABLE wave.staging_orders ALTER COLUMN order_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.staging_orders_order_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.steps (
    step_id bigint NOT NULL,
    workflow_id bigint NOT NULL,
    name text NOT NULL,
    CONSTRAINT steps_name_check CHECK ((name <> ''::text))
);

ALTER TABLE wave.steps ALTER COLUMN step_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.steps_step_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.tasks (
    run_id bigint NOT NULL,
    interaction_id bigint NOT NULL,
    queue text NOT NULL,
    title text NOT NULL,
    priority integer NOT NULL,
    due_at timestamp with time zone,
    escalate text,
    escalated_at timestamp with time zone,
    needs integer NOT NULL,
    blind boolean NOT NULL,
    prefill boolean NOT NULL,
    bulk boolean NOT NULL,
    round integer DEFAULT 1 NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    claimed_by text,
    claim_token uuid,
    claimed_at timestamp with time zone,
    claim_expires_at timestamp with time zone,
    draft text,
    decided_at timestamp with time zone,
    withdrawn boolean DEFAULT false NOT NULL,
    CONSTRAINT tasks_check CHECK (((NOT withdrawn) OR (decided_at IS NOT NULL))),
    CONSTRAINT tasks_check1 CHECK (((claimed_by IS NULL) = (claim_token IS NULL))),
    CONSTRAINT tasks_check2 CHECK (((claimed_by IS NULL) = (claimed_at IS NULL))),
    CONSTRAINT tasks_check3 CHECK (((claimed_by IS NULL) = (claim_expires_at IS NULL))),
    CONSTRAINT tasks_check4 CHECK (((draft IS NULL) OR (claimed_by IS NOT NULL))),
    CONSTRAINT tasks_check5 CHECK (((NOT bulk) OR (needs = 1))),
    CONSTRAINT tasks_check6 CHECK (((escalated_at IS NULL) OR (escalate IS NOT NULL))),
    CONSTRAINT tasks_escalate_check CHECK ((escalate <> ''::text)),
    CONSTRAINT tasks_needs_check CHECK ((needs > 0)),
    CONSTRAINT tasks_queue_check CHECK ((queue <> ''::text))
)
PARTITION BY RANGE (run_id);

CREATE TABLE wave.tasks_r1 (
    run_id bigint CONSTRAINT tasks_run_id_not_null NOT NULL,
    interaction_id bigint CONSTRAINT tasks_interaction_id_not_null NOT NULL,
    queue text CONSTRAINT tasks_queue_not_null NOT NULL,
    title text CONSTRAINT tasks_title_not_null NOT NULL,
    priority integer CONSTRAINT tasks_priority_not_null NOT NULL,
    due_at timestamp with time zone,
    escalate text,
    escalated_at timestamp with time zone,
    needs integer CONSTRAINT tasks_needs_not_null NOT NULL,
    blind boolean CONSTRAINT tasks_blind_not_null NOT NULL,
    prefill boolean CONSTRAINT tasks_prefill_not_null NOT NULL,
    bulk boolean CONSTRAINT tasks_bulk_not_null NOT NULL,
    round integer DEFAULT 1 CONSTRAINT tasks_round_not_null NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() CONSTRAINT tasks_asked_at_not_null NOT NULL,
    claimed_by text,
    claim_token uuid,
    claimed_at timestamp with time zone,
    claim_expires_at timestamp with time zone,
    draft text,
    decided_at timestamp with time zone,
    withdrawn boolean DEFAULT false CONSTRAINT tasks_withdrawn_not_null NOT NULL,
    CONSTRAINT tasks_check CHECK (((NOT withdrawn) OR (decided_at IS NOT NULL))),
    CONSTRAINT tasks_check1 CHECK (((claimed_by IS NULL) = (claim_token IS NULL))),
    CONSTRAINT tasks_check2 CHECK (((claimed_by IS NULL) = (claimed_at IS NULL))),
    CONSTRAINT tasks_check3 CHECK (((claimed_by IS NULL) = (claim_expires_at IS NULL))),
    CONSTRAINT tasks_check4 CHECK (((draft IS NULL) OR (claimed_by IS NOT NULL))),
    CONSTRAINT tasks_check5 CHECK (((NOT bulk) OR (needs = 1))),
    CONSTRAINT tasks_check6 CHECK (((escalated_at IS NULL) OR (escalate IS NOT NULL))),
    CONSTRAINT tasks_escalate_check CHECK ((escalate <> ''::text)),
    CONSTRAINT tasks_needs_check CHECK ((needs > 0)),
    CONSTRAINT tasks_queue_check CHECK ((queue <> ''::text))
);

CREATE TABLE wave.value_writes_r1 (
    run_id bigint CONSTRAINT value_writes_run_id_not_null NOT NULL,
    value_write_id bigint DEFAULT nextval('wave.value_write_ids'::regclass) CONSTRAINT value_writes_value_write_id_not_null NOT NULL,
    interaction_id bigint CONSTRAINT value_writes_interaction_id_not_null NOT NULL,
    record_id bigint CONSTRAINT value_writes_record_id_not_null NOT NULL,
    table_name text CONSTRAINT value_writes_table_name_not_null NOT NULL,
    column_name text CONSTRAINT value_writes_column_name_not_null NOT NULL,
    before_sha256 bytea,
    after_sha256 bytea,
    before_payload_id bigint,
    before_commitment bytea,
    nonce bytea,
    commitment bytea,
    is_undo boolean DEFAULT false CONSTRAINT value_writes_is_undo_not_null NOT NULL,
    is_intake boolean DEFAULT false CONSTRAINT value_writes_is_intake_not_null NOT NULL,
    written_at timestamp with time zone DEFAULT now() CONSTRAINT value_writes_written_at_not_null NOT NULL,
    CONSTRAINT value_writes_before_commitment_check CHECK ((length(before_commitment) = 32)),
    CONSTRAINT value_writes_check CHECK (((before_sha256 IS NULL) = (after_sha256 IS NULL))),
    CONSTRAINT value_writes_check1 CHECK (((nonce IS NULL) = (after_sha256 IS NULL))),
    CONSTRAINT value_writes_check2 CHECK (((nonce IS NULL) = (commitment IS NOT NULL))),
    CONSTRAINT value_writes_commitment_check CHECK ((length(commitment) = 32)),
    CONSTRAINT value_writes_nonce_check CHECK ((length(nonce) = 32))
);

CREATE TABLE wave.visits (
    visit_id bigint NOT NULL,
    runner_id uuid NOT NULL,
    server text NOT NULL,
    model text NOT NULL,
    digest text NOT NULL,
    loaded boolean NOT NULL,
    load_us bigint NOT NULL,
    opened_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE wave.visits ALTER COLUMN visit_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.visits_visit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE wave.waves (
    wave_id bigint NOT NULL,
    runner_id uuid NOT NULL,
    runner_seq bigint NOT NULL,
    queue_id bigint NOT NULL,
    server text,
    slot integer,
    visit_id bigint,
    size integer NOT NULL,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    lease_expires_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT waves_check CHECK (((server IS NULL) = (slot IS NULL)))
);

ALTER TABLE wave.waves ALTER COLUMN wave_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.waves_wave_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE wave.workflows ALTER COLUMN workflow_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME wave.workflows_workflow_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY wave.counterparts ATTACH PARTITION wave.counterparts_r1 FOR VALUES FROM ('1') TO ('100000');

ALTER TABLE ONLY wave.decisions ATTACH PARTITION wave.decisions_r1 FOR VALUES FROM ('1') TO ('100000');

ALTER TABLE ONLY wave.hits ATTACH PARTITION wave.hits_r1 FOR VALUES FROM ('1') TO ('100000');

ALTER TABLE ONLY wave.interaction_events ATTACH PARTITION wave.interaction_events_r0 FOR VALUES FROM ('0') TO ('1');

ALTER TABLE ONLY wave.interaction_events ATTACH PARTITION wave.interaction_events_r1 FOR VALUES FROM ('1') TO ('100000');

ALTER TABLE ONLY wave.interaction_inputs ATTACH PARTITION wave.interaction_inputs_r1 FOR VALUES FROM ('1') TO ('100000');

ALTER TABLE ONLY wave.interactions ATTACH PARTITION wave.interactions_r1 FOR VALUES FROM ('1') TO ('100000');

ALTER TABLE ONLY wave.joins ATTACH PARTITION wave.joins_r1 FOR VALUES FROM ('1') TO ('100000');

ALTER TABLE ONLY wave.ledger ATTACH PARTITION wave.ledger_r1 FOR VALUES FROM ('1') TO ('100000');

ALTER TABLE ONLY wave.payloads ATTACH PARTITION wave.payloads_r1 FOR VALUES FROM ('1') TO ('100000');

ALTER TABLE ONLY wave.staged_records ATTACH PARTITION wave.staged_records_r1 FOR VALUES FROM ('1') TO ('100000');

ALTER TABLE ONLY wave.tasks ATTACH PARTITION wave.tasks_r1 FOR VALUES FROM ('1') TO ('100000');

ALTER TABLE ONLY wave.value_writes ATTACH PARTITION wave.value_writes_r1 FOR VALUES FROM ('1') TO ('100000');

ALTER TABLE ONLY wave.access_tokens
    ADD CONSTRAINT access_tokens_pkey PRIMARY KEY (token_id);

ALTER TABLE ONLY wave.access_tokens
    ADD CONSTRAINT access_tokens_sha256_key UNIQUE (sha256);

ALTER TABLE ONLY wave.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (kind, name);

ALTER TABLE ONLY wave.actors
    ADD CONSTRAINT actors_name_key UNIQUE (name);

ALTER TABLE ONLY wave.actors
    ADD CONSTRAINT actors_pkey PRIMARY KEY (actor_id);

ALTER TABLE ONLY wave.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (run_id, kind);

ALTER TABLE ONLY wave.answers
    ADD CONSTRAINT answers_pkey PRIMARY KEY (question);

ALTER TABLE ONLY wave.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY wave.breakers
    ADD CONSTRAINT breakers_pkey PRIMARY KEY (kind, name);

ALTER TABLE ONLY wave.claimable
    ADD CONSTRAINT claimable_pkey PRIMARY KEY (queue_id, rank, interaction_id);

ALTER TABLE ONLY wave.claimed
    ADD CONSTRAINT claimed_pkey PRIMARY KEY (wave_id, interaction_id);

ALTER TABLE ONLY wave.count_deltas
    ADD CONSTRAINT count_deltas_pkey PRIMARY KEY (delta_id);

ALTER TABLE ONLY wave.counterparts
    ADD CONSTRAINT counterparts_pkey PRIMARY KEY (run_id, interaction_id);

ALTER TABLE ONLY wave.counterparts_r1
    ADD CONSTRAINT counterparts_r1_pkey PRIMARY KEY (run_id, interaction_id);

ALTER TABLE ONLY wave.counts
    ADD CONSTRAINT counts_pkey PRIMARY KEY (run_id, run_step_id, state);

ALTER TABLE ONLY wave.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (run_id, interaction_id, round, person);

ALTER TABLE ONLY wave.decisions_r1
    ADD CONSTRAINT decisions_r1_pkey PRIMARY KEY (run_id, interaction_id, round, person);

ALTER TABLE ONLY wave.definitions
    ADD CONSTRAINT definitions_kind_name_sha256_key UNIQUE (kind, name, sha256);

ALTER TABLE ONLY wave.definitions
    ADD CONSTRAINT definitions_pkey PRIMARY KEY (definition_id);

ALTER TABLE ONLY wave.drops
    ADD CONSTRAINT drops_pkey PRIMARY KEY (drop_id);

ALTER TABLE ONLY wave.durations
    ADD CONSTRAINT durations_pkey PRIMARY KEY (queue_id, bucket);

ALTER TABLE ONLY wave.erasures
    ADD CONSTRAINT erasures_pkey PRIMARY KEY (erasure_id);

ALTER TABLE ONLY wave.event_log
    ADD CONSTRAINT event_log_event_id_key UNIQUE (event_id);

ALTER TABLE ONLY wave.event_log
    ADD CONSTRAINT event_log_pkey PRIMARY KEY (log_index);

ALTER TABLE ONLY wave.experiments
    ADD CONSTRAINT experiments_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY wave.fan_outs
    ADD CONSTRAINT fan_outs_run_id_interaction_id_key UNIQUE NULLS NOT DISTINCT (run_id, interaction_id);

ALTER TABLE ONLY wave.firings
    ADD CONSTRAINT firings_pkey PRIMARY KEY (schedule, due_at);

ALTER TABLE ONLY wave.hits
    ADD CONSTRAINT hits_pkey PRIMARY KEY (run_id, interaction_id);

ALTER TABLE ONLY wave.hits_r1
    ADD CONSTRAINT hits_r1_pkey PRIMARY KEY (run_id, interaction_id);

ALTER TABLE ONLY wave.http_requests
    ADD CONSTRAINT http_requests_pkey PRIMARY KEY (person, key);

ALTER TABLE ONLY wave.http_sessions
    ADD CONSTRAINT http_sessions_pkey PRIMARY KEY (session_id);

ALTER TABLE ONLY wave.http_sessions
    ADD CONSTRAINT http_sessions_sha256_key UNIQUE (sha256);

ALTER TABLE ONLY wave.interaction_events
    ADD CONSTRAINT interaction_events_pkey PRIMARY KEY (run_id, event_id);

ALTER TABLE ONLY wave.interaction_events_r0
    ADD CONSTRAINT interaction_events_r0_pkey PRIMARY KEY (run_id, event_id);

ALTER TABLE ONLY wave.interaction_events_r1
    ADD CONSTRAINT interaction_events_r1_pkey PRIMARY KEY (run_id, event_id);

ALTER TABLE ONLY wave.interaction_inputs
    ADD CONSTRAINT interaction_inputs_pkey PRIMARY KEY (run_id, interaction_id, source_id);

ALTER TABLE ONLY wave.interaction_inputs_r1
    ADD CONSTRAINT interaction_inputs_r1_pkey PRIMARY KEY (run_id, interaction_id, source_id);

ALTER TABLE ONLY wave.interactions
    ADD CONSTRAINT interactions_pkey PRIMARY KEY (run_id, interaction_id);

ALTER TABLE ONLY wave.interactions_r1
    ADD CONSTRAINT interactions_r1_pkey PRIMARY KEY (run_id, interaction_id);

ALTER TABLE ONLY wave.interim_sums
    ADD CONSTRAINT interim_sums_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY wave.invalidations
    ADD CONSTRAINT invalidations_pkey PRIMARY KEY (invalidation_id);

ALTER TABLE ONLY wave.joins
    ADD CONSTRAINT joins_pkey PRIMARY KEY (run_id, record_id, run_step_id, iteration, generation);

ALTER TABLE ONLY wave.joins_r1
    ADD CONSTRAINT joins_r1_pkey PRIMARY KEY (run_id, record_id, run_step_id, iteration, generation);

ALTER TABLE ONLY wave.last_results
    ADD CONSTRAINT last_results_pkey PRIMARY KEY (run_step_id);

ALTER TABLE ONLY wave.ledger
    ADD CONSTRAINT ledger_pkey PRIMARY KEY (run_id, interaction_id, attempt);

ALTER TABLE ONLY wave.ledger_r1
    ADD CONSTRAINT ledger_r1_pkey PRIMARY KEY (run_id, interaction_id, attempt);

ALTER TABLE ONLY wave.legal_holds
    ADD CONSTRAINT legal_holds_pkey PRIMARY KEY (record_id);

ALTER TABLE ONLY wave.log_checkpoints
    ADD CONSTRAINT log_checkpoints_pkey PRIMARY KEY (size);

ALTER TABLE ONLY wave.log_state
    ADD CONSTRAINT log_state_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY wave.log_tiles
    ADD CONSTRAINT log_tiles_pkey PRIMARY KEY (level, tile_index);

ALTER TABLE ONLY wave.notice_looks
    ADD CONSTRAINT notice_looks_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY wave.notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (notice_id);

ALTER TABLE ONLY wave.notices
    ADD CONSTRAINT notices_settles_key UNIQUE (settles);

ALTER TABLE ONLY wave.payloads
    ADD CONSTRAINT payloads_pkey PRIMARY KEY (run_id, payload_id);

ALTER TABLE ONLY wave.payloads_r1
    ADD CONSTRAINT payloads_r1_pkey PRIMARY KEY (run_id, payload_id);

ALTER TABLE ONLY wave.picked
    ADD CONSTRAINT picked_pkey PRIMARY KEY (pick_id, interaction_id);

ALTER TABLE ONLY wave.picks
    ADD CONSTRAINT picks_pkey PRIMARY KEY (pick_id);

ALTER TABLE ONLY wave.project_files
    ADD CONSTRAINT project_files_pkey PRIMARY KEY (path);

ALTER TABLE ONLY wave.project
    ADD CONSTRAINT project_pkey PRIMARY KEY (only_one);

ALTER TABLE ONLY wave.projections
    ADD CONSTRAINT projections_pkey PRIMARY KEY (projection_id);

ALTER TABLE ONLY wave.queues
    ADD CONSTRAINT queues_pkey PRIMARY KEY (queue_id);

ALTER TABLE ONLY wave.queues
    ADD CONSTRAINT queues_work_key_template_actor_id_key UNIQUE (work_key, template, actor_id);

ALTER TABLE ONLY wave.record_counts
    ADD CONSTRAINT record_counts_pkey PRIMARY KEY (projection_id, run_id, state);

ALTER TABLE ONLY wave.record_states
    ADD CONSTRAINT record_states_pkey PRIMARY KEY (projection_id, run_id, correlation_id);

ALTER TABLE ONLY wave.records
    ADD CONSTRAINT records_collection_key_key UNIQUE (collection, key);

ALTER TABLE ONLY wave.records
    ADD CONSTRAINT records_pkey PRIMARY KEY (record_id);

ALTER TABLE ONLY wave.reruns
    ADD CONSTRAINT reruns_pkey PRIMARY KEY (run_id, generation);

ALTER TABLE ONLY wave.run_counts
    ADD CONSTRAINT run_counts_pkey PRIMARY KEY (run_id, table_name, column_name);

ALTER TABLE ONLY wave.run_ranges
    ADD CONSTRAINT run_ranges_pkey PRIMARY KEY (first_run);

ALTER TABLE ONLY wave.run_records
    ADD CONSTRAINT run_records_pkey PRIMARY KEY (run_id, record_id);

ALTER TABLE ONLY wave.run_steps
    ADD CONSTRAINT run_steps_pkey PRIMARY KEY (run_step_id);

ALTER TABLE ONLY wave.run_steps
    ADD CONSTRAINT run_steps_run_id_generation_step_id_key UNIQUE (run_id, generation, step_id);

ALTER TABLE ONLY wave.run_sums
    ADD CONSTRAINT run_sums_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY wave.runners
    ADD CONSTRAINT runners_pkey PRIMARY KEY (runner_id);

ALTER TABLE ONLY wave.saved_views
    ADD CONSTRAINT saved_views_page_name_key UNIQUE (page, name);

ALTER TABLE ONLY wave.saved_views
    ADD CONSTRAINT saved_views_pkey PRIMARY KEY (view_id);

ALTER TABLE ONLY wave.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (name);

ALTER TABLE ONLY wave.schema_version
    ADD CONSTRAINT schema_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY wave.server_owners
    ADD CONSTRAINT server_owners_pkey PRIMARY KEY (server);

ALTER TABLE ONLY wave.spending
    ADD CONSTRAINT spending_pkey PRIMARY KEY (run_id, record_id);

ALTER TABLE ONLY wave.staged_records
    ADD CONSTRAINT staged_records_pkey PRIMARY KEY (run_id, staged_id);

ALTER TABLE ONLY wave.staged_records_r1
    ADD CONSTRAINT staged_records_r1_pkey PRIMARY KEY (run_id, staged_id);

ALTER TABLE ONLY wave.staging_orders
    ADD CONSTRAINT staging_orders_pkey PRIMARY KEY (order_id);

ALTER TABLE ONLY wave.steps
    ADD CONSTRAINT steps_pkey PRIMARY KEY (step_id);

ALTER TABLE ONLY wave.steps
    ADD CONSTRAINT steps_workflow_id_name_key UNIQUE (workflow_id, name);

ALTER TABLE ONLY wave.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (run_id, interaction_id);

ALTER TABLE ONLY wave.tasks_r1
    ADD CONSTRAINT tasks_r1_pkey PRIMARY KEY (run_id, interaction_id);

ALTER TABLE ONLY wave.value_writes
    ADD CONSTRAINT value_writes_pkey PRIMARY KEY (run_id, value_write_id);

ALTER TABLE ONLY wave.value_writes_r1
    ADD CONSTRAINT value_writes_r1_pkey PRIMARY KEY (run_id, value_write_id);

ALTER TABLE ONLY wave.visits
    ADD CONSTRAINT visits_pkey PRIMARY KEY (visit_id);

ALTER TABLE ONLY wave.waves
    ADD CONSTRAINT waves_pkey PRIMARY KEY (wave_id);

ALTER TABLE ONLY wave.waves
    ADD CONSTRAINT waves_runner_id_runner_seq_key UNIQUE (runner_id, runner_seq);

ALTER TABLE ONLY wave.workflow_runs
    ADD CONSTRAINT workflow_runs_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY wave.workflows
    ADD CONSTRAINT workflows_name_key UNIQUE (name);

ALTER TABLE ONLY wave.workflows
    ADD CONSTRAINT workflows_pkey PRIMARY KEY (workflow_id);

CREATE INDEX definitions_by_hash ON wave.definitions USING btree (sha256);

CREATE UNIQUE INDEX drops_one_open ON wave.drops USING btree ((true)) WHERE ((withdrawn_at IS NULL) AND (approved_at IS NULL));

CREATE UNIQUE INDEX erasures_open ON wave.erasures USING btree (record_id) WHERE ((erased_at IS NULL) AND (withdrawn_at IS NULL));

CREATE INDEX event_log_anchors ON wave.event_log USING btree (log_index) WHERE (kind = 2);

CREATE INDEX event_log_seals ON wave.event_log USING btree (log_index) WHERE (kind = 1);

CREATE INDEX experiments_fed ON wave.experiments USING btree (run_id) WHERE ((source_run_id IS NOT NULL) AND (closed_at IS NULL));

CREATE INDEX fan_outs_open ON wave.fan_outs USING btree (run_id) WHERE (closed_at IS NULL);

CREATE INDEX http_requests_asked ON wave.http_requests USING btree (asked_at);

CREATE INDEX interaction_events_skips ON ONLY wave.interaction_events USING btree (event_id) WHERE (type = 'projection_event_skipped'::wave.event_type);

CREATE INDEX interaction_events_r0_event_id_idx ON wave.interaction_events_r0 USING btree (event_id) WHERE (type = 'projection_event_skipped'::wave.event_type);

CREATE UNIQUE INDEX interaction_events_seq ON ONLY wave.interaction_events USING btree (run_id, interaction_id, seq) WHERE (interaction_id IS NOT NULL);

CREATE UNIQUE INDEX interaction_events_r0_run_id_interaction_id_seq_idx ON wave.interaction_events_r0 USING btree (run_id, interaction_id, seq) WHERE (interaction_id IS NOT NULL);

CREATE INDEX interaction_events_wave ON ONLY wave.interaction_events USING btree (wave_id) WHERE ((interaction_id IS NULL) AND (wave_id IS NOT NULL));

CREATE INDEX interaction_events_r0_wave_id_idx ON wave.interaction_events_r0 USING btree (wave_id) WHERE ((interaction_id IS NULL) AND (wave_id IS NOT NULL));

CREATE INDEX interaction_events_xid ON ONLY wave.interaction_events USING btree (xid);

CREATE INDEX interaction_events_r0_xid_idx ON wave.interaction_events_r0 USING btree (xid);

CREATE INDEX interaction_events_r1_event_id_idx ON wave.interaction_events_r1 USING btree (event_id) WHERE (type = 'projection_event_skipped'::wave.event_type);

CREATE UNIQUE INDEX interaction_events_r1_run_id_interaction_id_seq_idx ON wave.interaction_events_r1 USING btree (run_id, interaction_id, seq) WHERE (interaction_id IS NOT NULL);

CREATE INDEX interaction_events_r1_wave_id_idx ON wave.interaction_events_r1 USING btree (wave_id) WHERE ((interaction_id IS NULL) AND (wave_id IS NOT NULL));

CREATE INDEX interaction_events_r1_xid_idx ON wave.interaction_events_r1 USING btree (xid);

CREATE INDEX interactions_delayed ON ONLY wave.interactions USING btree (ready_at) WHERE (ready_at IS NOT NULL);

CREATE UNIQUE INDEX interactions_in_force ON ONLY wave.interactions USING btree (record_id, run_step_id, run_id, item, iteration) NULLS NOT DISTINCT WHERE in_force;

CREATE UNIQUE INDEX interactions_once ON ONLY wave.interactions USING btree (record_id, run_step_id, run_id, item, iteration, generation) NULLS NOT DISTINCT;

CREATE INDEX interactions_r1_ready_at_idx ON wave.interactions_r1 USING btree (ready_at) WHERE (ready_at IS NOT NULL);

CREATE UNIQUE INDEX interactions_r1_record_id_run_step_id_run_id_item_iteratio_idx1 ON wave.interactions_r1 USING btree (record_id, run_step_id, run_id, item, iteration) NULLS NOT DISTINCT WHERE in_force;

CREATE UNIQUE INDEX interactions_r1_record_id_run_step_id_run_id_item_iteration_idx ON wave.interactions_r1 USING btree (record_id, run_step_id, run_id, item, iteration, generation) NULLS NOT DISTINCT;

CREATE INDEX interactions_trouble ON ONLY wave.interactions USING btree (run_id, record_id) WHERE ((error IS NOT NULL) OR (rule IS NOT NULL));

CREATE INDEX interactions_r1_run_id_record_id_idx ON wave.interactions_r1 USING btree (run_id, record_id) WHERE ((error IS NOT NULL) OR (rule IS NOT NULL));

CREATE INDEX ledger_unsettled ON ONLY wave.ledger USING btree (run_id) WHERE (accepted IS NULL);

CREATE INDEX ledger_r1_run_id_idx ON wave.ledger_r1 USING btree (run_id) WHERE (accepted IS NULL);

CREATE INDEX notices_due ON wave.notices USING btree (next_at) WHERE (next_at IS NOT NULL);

CREATE UNIQUE INDEX notices_in_force ON wave.notices USING btree (kind, subject) WHERE in_force;

CREATE INDEX notices_over ON wave.notices USING btree (made_at);

CREATE INDEX payloads_interaction ON ONLY wave.payloads USING btree (run_id, interaction_id, attempt);

CREATE INDEX payloads_r1_run_id_interaction_id_attempt_idx ON wave.payloads_r1 USING btree (run_id, interaction_id, attempt);

CREATE INDEX picks_expire ON wave.picks USING btree (expires_at) WHERE (kind IS NULL);

CREATE UNIQUE INDEX projections_one_of_each ON wave.projections USING btree (name, state) WHERE (state <> 'retired'::text);

CREATE INDEX run_records_ended ON wave.run_records USING btree (run_id) WHERE (state = 'ended'::text);

CREATE INDEX run_records_incomplete ON wave.run_records USING btree (run_id) WHERE (state = 'incomplete'::text);

CREATE UNIQUE INDEX run_records_one_flow ON wave.run_records USING btree (workflow_id, record_id) WHERE (state = 'live'::text);

CREATE INDEX run_records_record ON wave.run_records USING btree (record_id, workflow_id, run_id);

CREATE INDEX schedules_due ON wave.schedules USING btree (next_at) WHERE (next_at IS NOT NULL);

CREATE INDEX staged_records_position ON ONLY wave.staged_records USING btree (run_id, interaction_id, staged_id);

CREATE INDEX staged_records_record ON ONLY wave.staged_records USING btree (record_id) WHERE (record_id IS NOT NULL);

CREATE INDEX staged_records_r1_record_id_idx ON wave.staged_records_r1 USING btree (record_id) WHERE (record_id IS NOT NULL);

CREATE INDEX staged_records_rejected ON ONLY wave.staged_records USING btree (run_id) WHERE (state = 'rejected'::text);

CREATE INDEX staged_records_r1_run_id_idx ON wave.staged_records_r1 USING btree (run_id) WHERE (state = 'rejected'::text);

CREATE INDEX staged_records_r1_run_id_interaction_id_staged_id_idx ON wave.staged_records_r1 USING btree (run_id, interaction_id, staged_id);

CREATE INDEX staged_records_waiting ON ONLY wave.staged_records USING btree (run_id, staged_id) WHERE (state = 'waiting'::text);

CREATE INDEX staged_records_r1_run_id_staged_id_idx ON wave.staged_records_r1 USING btree (run_id, staged_id) WHERE (state = 'waiting'::text);

CREATE INDEX tasks_decided ON ONLY wave.tasks USING btree (run_id, interaction_id) WHERE ((decided_at IS NOT NULL) AND (NOT withdrawn));

CREATE INDEX tasks_number ON ONLY wave.tasks USING btree (interaction_id);

CREATE INDEX tasks_open ON ONLY wave.tasks USING btree (queue, priority DESC, due_at, interaction_id) WHERE (decided_at IS NULL);

CREATE INDEX tasks_overdue ON ONLY wave.tasks USING btree (due_at) WHERE ((decided_at IS NULL) AND (escalate IS NOT NULL) AND (escalated_at IS NULL));

CREATE INDEX tasks_r1_due_at_idx ON wave.tasks_r1 USING btree (due_at) WHERE ((decided_at IS NULL) AND (escalate IS NOT NULL) AND (escalated_at IS NULL));

CREATE INDEX tasks_r1_interaction_id_idx ON wave.tasks_r1 USING btree (interaction_id);

CREATE INDEX tasks_r1_queue_priority_due_at_interaction_id_idx ON wave.tasks_r1 USING btree (queue, priority DESC, due_at, interaction_id) WHERE (decided_at IS NULL);

CREATE INDEX tasks_r1_run_id_interaction_id_idx ON wave.tasks_r1 USING btree (run_id, interaction_id) WHERE ((decided_at IS NOT NULL) AND (NOT withdrawn));

CREATE INDEX value_writes_value ON ONLY wave.value_writes USING btree (record_id, table_name, column_name, value_write_id);

CREATE INDEX value_writes_r1_record_id_table_name_column_name_value_writ_idx ON wave.value_writes_r1 USING btree (record_id, table_name, column_name, value_write_id);

CREATE INDEX visits_loads ON wave.visits USING btree (server, model, visit_id) WHERE loaded;

CREATE UNIQUE INDEX waves_one_per_slot ON wave.waves USING btree (server, slot) WHERE ((closed_at IS NULL) AND (server IS NOT NULL));

CREATE INDEX waves_open ON wave.waves USING btree (lease_expires_at) WHERE (closed_at IS NULL);

CREATE INDEX waves_queue ON wave.waves USING btree (queue_id, opened_at);

CREATE INDEX waves_visit ON wave.waves USING btree (visit_id) WHERE (visit_id IS NOT NULL);

CREATE INDEX workflow_runs_live ON wave.workflow_runs USING btree (run_id) WHERE (state = 'running'::text);

ALTER INDEX wave.counterparts_pkey ATTACH PARTITION wave.counterparts_r1_pkey;

ALTER INDEX wave.decisions_pkey ATTACH PARTITION wave.decisions_r1_pkey;

ALTER INDEX wave.hits_pkey ATTACH PARTITION wave.hits_r1_pkey;

ALTER INDEX wave.interaction_events_skips ATTACH PARTITION wave.interaction_events_r0_event_id_idx;

ALTER INDEX wave.interaction_events_pkey ATTACH PARTITION wave.interaction_events_r0_pkey;

ALTER INDEX wave.interaction_events_seq ATTACH PARTITION wave.interaction_events_r0_run_id_interaction_id_seq_idx;

ALTER INDEX wave.interaction_events_wave ATTACH PARTITION wave.interaction_events_r0_wave_id_idx;

ALTER INDEX wave.interaction_events_xid ATTACH PARTITION wave.interaction_events_r0_xid_idx;

ALTER INDEX wave.interaction_events_skips ATTACH PARTITION wave.interaction_events_r1_event_id_idx;

ALTER INDEX wave.interaction_events_pkey ATTACH PARTITION wave.interaction_events_r1_pkey;

ALTER INDEX wave.interaction_events_seq ATTACH PARTITION wave.interaction_events_r1_run_id_interaction_id_seq_idx;

ALTER INDEX wave.interaction_events_wave ATTACH PARTITION wave.interaction_events_r1_wave_id_idx;

ALTER INDEX wave.interaction_events_xid ATTACH PARTITION wave.interaction_events_r1_xid_idx;

ALTER INDEX wave.interaction_inputs_pkey ATTACH PARTITION wave.interaction_inputs_r1_pkey;

ALTER INDEX wave.interactions_pkey ATTACH PARTITION wave.interactions_r1_pkey;

ALTER INDEX wave.interactions_delayed ATTACH PARTITION wave.interactions_r1_ready_at_idx;

ALTER INDEX wave.interactions_in_force ATTACH PARTITION wave.interactions_r1_record_id_run_step_id_run_id_item_iteratio_idx1;

ALTER INDEX wave.interactions_once ATTACH PARTITION wave.interactions_r1_record_id_run_step_id_run_id_item_iteration_idx;

ALTER INDEX wave.interactions_trouble ATTACH PARTITION wave.interactions_r1_run_id_record_id_idx;

ALTER INDEX wave.joins_pkey ATTACH PARTITION wave.joins_r1_pkey;

ALTER INDEX wave.ledger_pkey ATTACH PARTITION wave.ledger_r1_pkey;

ALTER INDEX wave.ledger_unsettled ATTACH PARTITION wave.ledger_r1_run_id_idx;

ALTER INDEX wave.payloads_pkey ATTACH PARTITION wave.payloads_r1_pkey;

ALTER INDEX wave.payloads_interaction ATTACH PARTITION wave.payloads_r1_run_id_interaction_id_attempt_idx;

ALTER INDEX wave.staged_records_pkey ATTACH PARTITION wave.staged_records_r1_pkey;

ALTER INDEX wave.staged_records_record ATTACH PARTITION wave.staged_records_r1_record_id_idx;

ALTER INDEX wave.staged_records_rejected ATTACH PARTITION wave.staged_records_r1_run_id_idx;

ALTER INDEX wave.staged_records_position ATTACH PARTITION wave.staged_records_r1_run_id_interaction_id_staged_id_idx;

ALTER INDEX wave.staged_records_waiting ATTACH PARTITION wave.staged_records_r1_run_id_staged_id_idx;

ALTER INDEX wave.tasks_overdue ATTACH PARTITION wave.tasks_r1_due_at_idx;

ALTER INDEX wave.tasks_number ATTACH PARTITION wave.tasks_r1_interaction_id_idx;

ALTER INDEX wave.tasks_pkey ATTACH PARTITION wave.tasks_r1_pkey;

ALTER INDEX wave.tasks_open ATTACH PARTITION wave.tasks_r1_queue_priority_due_at_interaction_id_idx;

ALTER INDEX wave.tasks_decided ATTACH PARTITION wave.tasks_r1_run_id_interaction_id_idx;

ALTER INDEX wave.value_writes_pkey ATTACH PARTITION wave.value_writes_r1_pkey;

ALTER INDEX wave.value_writes_value ATTACH PARTITION wave.value_writes_r1_record_id_table_name_column_name_value_writ_idx;

CREATE TRIGGER check_references AFTER INSERT ON wave.interaction_events REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION wave.check_events();

CREATE TRIGGER check_references AFTER INSERT ON wave.interaction_events_r0 REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION wave.check_events();

CREATE TRIGGER check_references AFTER INSERT ON wave.interaction_events_r1 REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION wave.check_events();

CREATE TRIGGER check_references AFTER INSERT ON wave.interactions REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION wave.check_interactions();

CREATE TRIGGER check_references AFTER INSERT ON wave.interactions_r1 REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION wave.check_interactions();

CREATE TRIGGER enough_eyes BEFORE INSERT OR UPDATE OF decided_at ON wave.tasks FOR EACH ROW WHEN (((new.decided_at IS NOT NULL) AND (NOT new.withdrawn))) EXECUTE FUNCTION wave.check_eyes();

CREATE TRIGGER no_change BEFORE DELETE OR UPDATE ON wave.event_log FOR EACH ROW EXECUTE FUNCTION wave.refuse_change();

ALTER TABLE wave.event_log ENABLE ALWAYS TRIGGER no_change;

CREATE TRIGGER no_change BEFORE DELETE OR UPDATE ON wave.interaction_events FOR EACH ROW EXECUTE FUNCTION wave.refuse_change();

ALTER TABLE wave.interaction_events ENABLE ALWAYS TRIGGER no_change;

CREATE TRIGGER no_change BEFORE DELETE OR UPDATE ON wave.log_checkpoints FOR EACH ROW EXECUTE FUNCTION wave.refuse_change();

ALTER TABLE wave.log_checkpoints ENABLE ALWAYS TRIGGER no_change;

CREATE TRIGGER no_change BEFORE DELETE OR UPDATE ON wave.log_tiles FOR EACH ROW EXECUTE FUNCTION wave.refuse_change();

ALTER TABLE wave.log_tiles ENABLE ALWAYS TRIGGER no_change;

CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON wave.interactions FOR EACH STATEMENT EXECUTE FUNCTION wave.refuse_change();

CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON wave.interactions_r1 FOR EACH STATEMENT EXECUTE FUNCTION wave.refuse_change();

CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON wave.log_state FOR EACH STATEMENT EXECUTE FUNCTION wave.refuse_change();

CREATE TRIGGER no_delete BEFORE DELETE OR TRUNCATE ON wave.run_records FOR EACH STATEMENT EXECUTE FUNCTION wave.refuse_change();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON wave.event_log FOR EACH STATEMENT EXECUTE FUNCTION wave.refuse_change();

ALTER TABLE wave.event_log ENABLE ALWAYS TRIGGER no_truncate;

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON wave.interaction_events FOR EACH STATEMENT EXECUTE FUNCTION wave.refuse_change();

ALTER TABLE wave.interaction_events ENABLE ALWAYS TRIGGER no_truncate;

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON wave.interaction_events_r0 FOR EACH STATEMENT EXECUTE FUNCTION wave.refuse_change();

ALTER TABLE wave.interaction_events_r0 ENABLE ALWAYS TRIGGER no_truncate;

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON wave.interaction_events_r1 FOR EACH STATEMENT EXECUTE FUNCTION wave.refuse_change();

ALTER TABLE wave.interaction_events_r1 ENABLE ALWAYS TRIGGER no_truncate;

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON wave.log_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION wave.refuse_change();

ALTER TABLE wave.log_checkpoints ENABLE ALWAYS TRIGGER no_truncate;

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON wave.log_tiles FOR EACH STATEMENT EXECUTE FUNCTION wave.refuse_change();

ALTER TABLE wave.log_tiles ENABLE ALWAYS TRIGGER no_truncate;

CREATE TRIGGER not_dropped BEFORE UPDATE ON wave.workflow_runs FOR EACH ROW WHEN (((new.state = 'running'::text) AND (old.state <> 'running'::text))) EXECUTE FUNCTION wave.refuse_dropped();

ALTER TABLE ONLY wave.actors
    ADD CONSTRAINT actors_definition_id_fkey FOREIGN KEY (definition_id) REFERENCES wave.definitions(definition_id);

ALTER TABLE ONLY wave.actors
    ADD CONSTRAINT actors_drifted_to_id_fkey FOREIGN KEY (drifted_to_id) REFERENCES wave.definitions(definition_id);

ALTER TABLE ONLY wave.alerts
    ADD CONSTRAINT alerts_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.batches
    ADD CONSTRAINT batches_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.breakers
    ADD CONSTRAINT breakers_probe_by_fkey FOREIGN KEY (probe_by) REFERENCES wave.runners(runner_id);

ALTER TABLE ONLY wave.counterparts_r1
    ADD CONSTRAINT counterparts_r1_run_id_interaction_id_fkey FOREIGN KEY (run_id, interaction_id) REFERENCES wave.interactions_r1(run_id, interaction_id);

ALTER TABLE ONLY wave.counts
    ADD CONSTRAINT counts_run_step_id_fkey FOREIGN KEY (run_step_id) REFERENCES wave.run_steps(run_step_id);

ALTER TABLE ONLY wave.decisions_r1
    ADD CONSTRAINT decisions_r1_run_id_interaction_id_fkey FOREIGN KEY (run_id, interaction_id) REFERENCES wave.interactions_r1(run_id, interaction_id);

ALTER TABLE ONLY wave.durations
    ADD CONSTRAINT durations_queue_id_fkey FOREIGN KEY (queue_id) REFERENCES wave.queues(queue_id);

ALTER TABLE ONLY wave.erasures
    ADD CONSTRAINT erasures_record_id_fkey FOREIGN KEY (record_id) REFERENCES wave.records(record_id);

ALTER TABLE ONLY wave.experiments
    ADD CONSTRAINT experiments_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.experiments
    ADD CONSTRAINT experiments_source_run_id_fkey FOREIGN KEY (source_run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.fan_outs
    ADD CONSTRAINT fan_outs_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.fan_outs
    ADD CONSTRAINT fan_outs_run_step_id_fkey FOREIGN KEY (run_step_id) REFERENCES wave.run_steps(run_step_id);

ALTER TABLE ONLY wave.firings
    ADD CONSTRAINT firings_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.firings
    ADD CONSTRAINT firings_schedule_fkey FOREIGN KEY (schedule) REFERENCES wave.schedules(name);

ALTER TABLE ONLY wave.hits_r1
    ADD CONSTRAINT hits_r1_run_id_interaction_id_fkey FOREIGN KEY (run_id, interaction_id) REFERENCES wave.interactions_r1(run_id, interaction_id);

ALTER TABLE ONLY wave.http_sessions
    ADD CONSTRAINT http_sessions_token_id_fkey FOREIGN KEY (token_id) REFERENCES wave.access_tokens(token_id);

ALTER TABLE ONLY wave.interaction_inputs_r1
    ADD CONSTRAINT interaction_inputs_r1_run_id_interaction_id_fkey FOREIGN KEY (run_id, interaction_id) REFERENCES wave.interactions_r1(run_id, interaction_id);

ALTER TABLE ONLY wave.interaction_inputs_r1
    ADD CONSTRAINT interaction_inputs_r1_run_id_source_id_fkey FOREIGN KEY (run_id, source_id) REFERENCES wave.interactions_r1(run_id, interaction_id);

ALTER TABLE ONLY wave.interim_sums
    ADD CONSTRAINT interim_sums_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.joins_r1
    ADD CONSTRAINT joins_r1_run_id_interaction_id_fkey FOREIGN KEY (run_id, interaction_id) REFERENCES wave.interactions_r1(run_id, interaction_id);

ALTER TABLE wave.joins
    ADD CONSTRAINT joins_record_id_fkey FOREIGN KEY (record_id) REFERENCES wave.records(record_id);

ALTER TABLE wave.joins
    ADD CONSTRAINT joins_run_step_id_fkey FOREIGN KEY (run_step_id) REFERENCES wave.run_steps(run_step_id);

ALTER TABLE ONLY wave.last_results
    ADD CONSTRAINT last_results_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.last_results
    ADD CONSTRAINT last_results_run_step_id_fkey FOREIGN KEY (run_step_id) REFERENCES wave.run_steps(run_step_id);

ALTER TABLE ONLY wave.ledger_r1
    ADD CONSTRAINT ledger_r1_run_id_interaction_id_fkey FOREIGN KEY (run_id, interaction_id) REFERENCES wave.interactions_r1(run_id, interaction_id);

ALTER TABLE ONLY wave.legal_holds
    ADD CONSTRAINT legal_holds_record_id_fkey FOREIGN KEY (record_id) REFERENCES wave.records(record_id);

ALTER TABLE ONLY wave.notices
    ADD CONSTRAINT notices_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.notices
    ADD CONSTRAINT notices_settles_fkey FOREIGN KEY (settles) REFERENCES wave.notices(notice_id);

ALTER TABLE ONLY wave.payloads_r1
    ADD CONSTRAINT payloads_r1_run_id_interaction_id_fkey FOREIGN KEY (run_id, interaction_id) REFERENCES wave.interactions_r1(run_id, interaction_id);

ALTER TABLE ONLY wave.picks
    ADD CONSTRAINT picks_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.queues
    ADD CONSTRAINT queues_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES wave.actors(actor_id);

ALTER TABLE ONLY wave.record_counts
    ADD CONSTRAINT record_counts_projection_id_fkey FOREIGN KEY (projection_id) REFERENCES wave.projections(projection_id);

ALTER TABLE ONLY wave.record_states
    ADD CONSTRAINT record_states_projection_id_fkey FOREIGN KEY (projection_id) REFERENCES wave.projections(projection_id);

ALTER TABLE ONLY wave.records
    ADD CONSTRAINT records_seen_in_fkey FOREIGN KEY (seen_in) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.records
    ADD CONSTRAINT records_vanished_in_fkey FOREIGN KEY (vanished_in) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.reruns
    ADD CONSTRAINT reruns_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.run_counts
    ADD CONSTRAINT run_counts_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.run_ranges
    ADD CONSTRAINT run_ranges_drop_id_fkey FOREIGN KEY (drop_id) REFERENCES wave.drops(drop_id);

ALTER TABLE ONLY wave.run_records
    ADD CONSTRAINT run_records_record_id_fkey FOREIGN KEY (record_id) REFERENCES wave.records(record_id);

ALTER TABLE ONLY wave.run_records
    ADD CONSTRAINT run_records_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.run_records
    ADD CONSTRAINT run_records_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES wave.workflows(workflow_id);

ALTER TABLE ONLY wave.run_steps
    ADD CONSTRAINT run_steps_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES wave.actors(actor_id);

ALTER TABLE ONLY wave.run_steps
    ADD CONSTRAINT run_steps_definition_id_fkey FOREIGN KEY (definition_id) REFERENCES wave.definitions(definition_id);

ALTER TABLE ONLY wave.run_steps
    ADD CONSTRAINT run_steps_queue_id_fkey FOREIGN KEY (queue_id) REFERENCES wave.queues(queue_id);

ALTER TABLE ONLY wave.run_steps
    ADD CONSTRAINT run_steps_run_id_generation_fkey FOREIGN KEY (run_id, generation) REFERENCES wave.reruns(run_id, generation);

ALTER TABLE ONLY wave.run_steps
    ADD CONSTRAINT run_steps_step_id_fkey FOREIGN KEY (step_id) REFERENCES wave.steps(step_id);

ALTER TABLE ONLY wave.run_sums
    ADD CONSTRAINT run_sums_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.server_owners
    ADD CONSTRAINT server_owners_runner_id_fkey FOREIGN KEY (runner_id) REFERENCES wave.runners(runner_id);

ALTER TABLE ONLY wave.spending
    ADD CONSTRAINT spending_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE wave.staged_records
    ADD CONSTRAINT staged_records_again_in_fkey FOREIGN KEY (again_in) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.staged_records_r1
    ADD CONSTRAINT staged_records_r1_run_id_interaction_id_fkey FOREIGN KEY (run_id, interaction_id) REFERENCES wave.interactions_r1(run_id, interaction_id);

ALTER TABLE wave.staged_records
    ADD CONSTRAINT staged_records_record_id_fkey FOREIGN KEY (record_id) REFERENCES wave.records(record_id);

ALTER TABLE ONLY wave.staging_orders
    ADD CONSTRAINT staging_orders_again_in_fkey FOREIGN KEY (again_in) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.staging_orders
    ADD CONSTRAINT staging_orders_run_id_fkey FOREIGN KEY (run_id) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.steps
    ADD CONSTRAINT steps_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES wave.workflows(workflow_id);

ALTER TABLE ONLY wave.tasks_r1
    ADD CONSTRAINT tasks_r1_run_id_interaction_id_fkey FOREIGN KEY (run_id, interaction_id) REFERENCES wave.interactions_r1(run_id, interaction_id);

ALTER TABLE ONLY wave.value_writes_r1
    ADD CONSTRAINT value_writes_r1_run_id_before_payload_id_fkey FOREIGN KEY (run_id, before_payload_id) REFERENCES wave.payloads_r1(run_id, payload_id);

ALTER TABLE ONLY wave.value_writes_r1
    ADD CONSTRAINT value_writes_r1_run_id_interaction_id_fkey FOREIGN KEY (run_id, interaction_id) REFERENCES wave.interactions_r1(run_id, interaction_id);

ALTER TABLE wave.value_writes
    ADD CONSTRAINT value_writes_record_id_fkey FOREIGN KEY (record_id) REFERENCES wave.records(record_id);

ALTER TABLE ONLY wave.visits
    ADD CONSTRAINT visits_runner_id_fkey FOREIGN KEY (runner_id) REFERENCES wave.runners(runner_id);

ALTER TABLE ONLY wave.waves
    ADD CONSTRAINT waves_queue_id_fkey FOREIGN KEY (queue_id) REFERENCES wave.queues(queue_id);

ALTER TABLE ONLY wave.waves
    ADD CONSTRAINT waves_runner_id_fkey FOREIGN KEY (runner_id) REFERENCES wave.runners(runner_id);

ALTER TABLE ONLY wave.waves
    ADD CONSTRAINT waves_visit_id_fkey FOREIGN KEY (visit_id) REFERENCES wave.visits(visit_id);

ALTER TABLE ONLY wave.workflow_runs
    ADD CONSTRAINT workflow_runs_definition_id_fkey FOREIGN KEY (definition_id) REFERENCES wave.definitions(definition_id);

ALTER TABLE ONLY wave.workflow_runs
    ADD CONSTRAINT workflow_runs_revalidates_fkey FOREIGN KEY (revalidates) REFERENCES wave.workflow_runs(run_id);

ALTER TABLE ONLY wave.workflow_runs
    ADD CONSTRAINT workflow_runs_workflow_id_fkey FOREIGN KEY (workflow_id) REFERENCES wave.workflows(workflow_id);

ALTER TABLE ONLY wave.workflows
    ADD CONSTRAINT workflows_definition_id_fkey FOREIGN KEY (definition_id) REFERENCES wave.definitions(definition_id);

ALTER TABLE ONLY wave.workflows
    ADD CONSTRAINT workflows_drifted_to_id_fkey FOREIGN KEY (drifted_to_id) REFERENCES wave.definitions(definition_id);

REVOKE ALL ON FUNCTION wave.close_run_range(first bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION wave.drop_run_range(first bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION wave.new_run_id() FROM PUBLIC;

REVOKE ALL ON FUNCTION wave.open_run_range(first bigint, following bigint) FROM PUBLIC;

REVOKE ALL ON TABLE wave.event_log FROM wave;
GRANT SELECT,INSERT ON TABLE wave.event_log TO wave;

REVOKE ALL ON TABLE wave.interaction_events FROM wave;
GRANT SELECT ON TABLE wave.interaction_events TO wave;

GRANT INSERT(run_id) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(interaction_id) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(cause_interaction_id) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(wave_id) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(type) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(seq) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(cause_seq) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(form) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(correlation_id) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(runner_id) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(step) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(actor) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(definition) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(data) ON TABLE wave.interaction_events TO wave;

GRANT INSERT(sha256) ON TABLE wave.interaction_events TO wave;

REVOKE ALL ON TABLE wave.interaction_events_r0 FROM wave;
GRANT SELECT ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(run_id) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(interaction_id) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(cause_interaction_id) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(wave_id) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(type) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(seq) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(cause_seq) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(form) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(correlation_id) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(runner_id) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(step) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(actor) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(definition) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(data) ON TABLE wave.interaction_events_r0 TO wave;

GRANT INSERT(sha256) ON TABLE wave.interaction_events_r0 TO wave;

REVOKE ALL ON TABLE wave.interaction_events_r1 FROM wave;
GRANT SELECT ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(run_id) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(interaction_id) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(cause_interaction_id) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(wave_id) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(type) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(seq) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(cause_seq) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(form) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(correlation_id) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(runner_id) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(step) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(actor) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(definition) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(data) ON TABLE wave.interaction_events_r1 TO wave;

GRANT INSERT(sha256) ON TABLE wave.interaction_events_r1 TO wave;

REVOKE ALL ON TABLE wave.log_checkpoints FROM wave;
GRANT SELECT,INSERT ON TABLE wave.log_checkpoints TO wave;

REVOKE ALL ON TABLE wave.log_tiles FROM wave;
GRANT SELECT,INSERT ON TABLE wave.log_tiles TO wave;
