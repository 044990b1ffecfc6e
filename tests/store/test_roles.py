"""Who may do what in the database: exactly what stands here, whoever asks and whatever is asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from tests.store.test_statements import NAMES, PLANNED, SQL, TYPES_TOLD, asked
from tests.support import warm
from tests.support.database import fresh_database
from tests.support.parted import Parted, parted_database
from tests.support.projects import Ground, rows, script
from tests.support.serving import serving

from wave_runner.core.database_roles import DatabaseRole, role_name
from wave_runner.store import migrate, queries
from wave_runner.store.database import Database, DataRefused

# For each table what may be done with it: s(elect), i(nsert), u(pdate), d(elete); nobody may truncate any. With what
# does not stand here, such as partitions, nobody may do anything.
TABLE = """\
                    runner  query  read
access_tokens       siu-    ----   ----
accounts            siu-    ----   s---
actors              siu-    ----   s---
alerts              si-d    ----   s---
answers             siud    ----   s---
batches             siu-    ----   s---
breakers            siu-    ----   s---
calls               s---    ----   s---
claimable           siud    ----   s---
claimed             siud    ----   s---
count_deltas        siud    ----   s---
counterparts        siu-    ----   s---
counts              siu-    ----   s---
decisions           siu-    ----   s---
definitions         siu-    ----   s---
dropped_ranges      s---    ----   s---
drops               siu-    ----   s---
durations           siud    ----   s---
erasures            siu-    ----   s---
event_log           si--    ----   s---
experiments         siu-    ----   s---
fan_outs            siu-    ----   s---
firings             si--    ----   s---
held_interactions   s---    ----   s---
held_runs           s---    ----   s---
hits                si--    ----   s---
http_requests       siud    ----   ----
http_sessions       siud    ----   ----
interaction_events  s---    ----   s---
interaction_inputs  si--    ----   s---
interactions        siu-    ----   s---
interim_sums        siud    ----   s---
invalidations       si--    ----   s---
joins               siu-    ----   s---
kept_sums           s---    ----   s---
last_results        siu-    ----   s---
ledger              siu-    ----   s---
legal_holds         si-d    ----   s---
log_checkpoints     si--    ----   s---
log_state           siu-    ----   s---
log_tiles           si--    ----   s---
notice_looks        siu-    ----   s---
notices             siu-    ----   s---
payloads            siu-    ----   s---
picked              si-d    ----   s---
picks               siud    ----   s---
project             s---    ----   s---
project_files       s---    ----   s---
projections         siud    ----   s---
queues              siu-    ----   s---
record_counts       siud    ----   s---
record_states       siud    ----   s---
records             siu-    s---   s---
reruns              siu-    ----   s---
retryable           s-u-    ----   s---
run_counts          siu-    ----   s---
run_ranges          s-u-    ----   s---
run_records         siu-    ----   s---
run_steps           si--    ----   s---
run_sums            siu-    ----   s---
runners             siu-    ----   s---
saved_values        s---    ----   s---
saved_views         si-d    ----   s---
schedules           siu-    ----   s---
schema_version      s---    ----   s---
server_owners       siud    ----   s---
spending            siu-    ----   s---
staged_records      siu-    ----   s---
staging_orders      si--    ----   s---
steps               si--    ----   s---
tasks               siu-    ----   s---
value_writes        siu-    ----   s---
visits              si--    ----   s---
waves               siu-    ----   s---
workflow_runs       siu-    ----   s---
workflows           siu-    ----   s---
items               siud    s---   s---
tags                siud    s---   s---
"""
# Of an event a runner says this much, by column; the database says the rest.
SAYS = (
    "run_id form type interaction_id seq cause_interaction_id cause_seq wave_id correlation_id runner_id step actor "
    "definition data sha256"
)
VERBS = {"s": "SELECT", "i": "INSERT", "u": "UPDATE", "d": "DELETE", "t": "TRUNCATE"}
TRIED = {
    "SELECT": "SELECT FROM {table} WHERE false",
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET {column} = DEFAULT WHERE false",
    "DELETE": "DELETE FROM {table} WHERE false",
    "TRUNCATE": "TRUNCATE {table}",
}
WORKERS = {"worker": DatabaseRole.RUNNER, "asker": DatabaseRole.QUERY, "looker": DatabaseRole.READ}


def expected() -> dict[DatabaseRole, set[tuple[str, str]]]:
    """Return what stands above: for each role the tables and what may be done with them."""
    lines = [line.split() for line in TABLE.splitlines()[1:]]
    return {
        role: {(line[0], VERBS[letter]) for line in lines for letter in line[place] if letter != "-"}
        for place, role in enumerate((DatabaseRole.RUNNER, DatabaseRole.QUERY, DatabaseRole.READ), start=1)
    }


def wave(parted: Parted, *words: str) -> dict[str, Any]:
    """Do a command and return its document."""
    done = warm.wave("--project", parted.ground.folder, *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def made(session_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parted]:
    """The schema, made by somebody who is no superuser and may make no roles."""
    with parted_database(session_database, tmp_path_factory.mktemp("parted") / "project") as found:
        found.ground.project()
        found.act_as("deployer")
        told = wave(found, "db", "migrate")
        assert told["roles_made"] == []
        assert told["roles"] == [role_name(found.schema, role) for role in ("runner", "query", "read")]
        yield found


def relations(made: Parted) -> dict[str, str | None]:
    """Return every table of the schema with a column that can be written, and every view with none."""
    found = made.sql(
        "SELECT c.relname AS name, min(a.attname) FILTER (WHERE a.attgenerated = '' AND c.relkind <> 'v') AS written "
        "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') GROUP BY c.relname",
        made.schema,
    )
    return {row["name"]: row["written"] for row in found}


def tries(table: str, column: str | None) -> dict[str, sql.Composed]:
    """Return what is to be tried with a table; of a view only whether it can be read."""
    names = {"table": sql.Identifier(table), "column": sql.Identifier(column or "")}
    return {verb: sql.SQL(text).format(**names) for verb, text in TRIED.items() if column or verb == "SELECT"}


def refused(connection: psycopg.Connection[Any], statement: sql.Composed | str) -> bool:
    """Say whether somebody may not do something; whatever else is wrong with it, nothing of it stays."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except InsufficientPrivilege as error:
        # A trigger says so too, to those whom no right stops.
        return "permission denied" in str(error)
    except psycopg.Error:
        return False
    return False


@pytest.mark.parametrize("user", WORKERS)
def test_each_role_may_do_with_each_table_exactly_what_it_needs(made: Parted, user: str):
    role = WORKERS[user]
    written = made.sql(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = %s",
        role_name(made.schema, role),
    )
    assert {(row["table_name"], row["privilege_type"]) for row in written} == expected()[role]

    tables = relations(made)
    with made.connected(user) as connection:
        may = {
            (table, verb)
            for table, column in tables.items()
            for verb, statement in tries(table, column).items()
            if not refused(connection, statement)
        }
    by_column = {("interaction_events", "INSERT")} if user == "worker" else set()
    can_be_tried = {one for one in expected()[role] if one[1] in tries(one[0], tables[one[0]])}
    assert may == can_be_tried | by_column


@pytest.mark.parametrize("user", WORKERS)
def test_of_an_event_only_the_runner_says_anything_and_nothing_of_what_the_database_says(made: Parted, user: str):
    columns = "SELECT attname FROM pg_attribute WHERE attrelid = 'interaction_events'::regclass AND attnum > 0"
    names = [row["attname"] for row in made.sql(columns)]
    with made.connected(user) as connection:

        def may(text: str) -> set[str]:
            return {
                name for name in names if not refused(connection, sql.SQL(text).format(column=sql.Identifier(name)))
            }

        says = may("INSERT INTO interaction_events ({column}) VALUES (DEFAULT)")
        changes = may("UPDATE interaction_events SET {column} = DEFAULT WHERE false")
    assert says == (set(SAYS.split()) if user == "worker" else set())
    assert changes == set()


def test_nobody_but_the_owner_makes_or_drops_partitions_unless_it_was_ordered(made: Parted):
    with made.connected("worker") as connection:
        assert refused(connection, "SELECT open_run_range(500000, 600000)")
        assert refused(connection, "SELECT setval('event_ids', 1)")
        with pytest.raises(InsufficientPrivilege, match="nobody has ordered that the runs from 1 on are dropped"):
            connection.execute("SELECT drop_run_range(1)")
    for user in ("asker", "looker"):
        with made.connected(user) as connection:
            assert refused(connection, "SELECT new_run_id()")
            assert refused(connection, "SELECT close_run_range(1)")


def statements() -> dict[str, str]:
    """Return the statements of the store that the server can plan, by name; one of them tries what must be refused."""
    texts = {str(path.relative_to(SQL)): path.read_text(encoding="utf-8") for path in sorted(SQL.rglob("*.sql"))}
    del texts["events/try_change.sql"]
    return {name: text for name, text in texts.items() if PLANNED.match(text) and not NAMES.search(text)}


def test_a_runner_may_do_every_statement_of_the_store(made: Parted):
    denied = {}
    with made.connected("worker") as connection:
        if connection.info.server_version < 160000:
            pytest.skip("EXPLAIN (GENERIC_PLAN) came with PostgreSQL 16")
        for name, text in statements().items():
            try:
                # Whoever asks for a plan needs the rights that doing it would take.
                connection.execute(f"EXPLAIN (GENERIC_PLAN) {asked(text)}", prepare=False)
            except InsufficientPrivilege as error:
                denied[name] = str(error)
            except TYPES_TOLD:
                continue
    assert denied == {}


def test_a_runner_has_no_right_that_no_statement_needs():
    changes = {
        "INSERT": r"INSERT\s+INTO\s+{0}\b|COPY\s+{0}\b",
        "UPDATE": r"\bUPDATE\s+{0}\b|INSERT\s+INTO\s+{0}\b.*DO\s+UPDATE|\b{0}\b.*\bFOR\s+(UPDATE|NO|SHARE)\b",
        "DELETE": r"DELETE\s+FROM\s+{0}\b",
    }
    texts = [re.sub(r"--.*", "", path.read_text(encoding="utf-8")) for path in SQL.rglob("*.sql")]
    needless = {
        (table, verb)
        for table, verb in expected()[DatabaseRole.RUNNER]
        if verb in changes
        and table not in ("items", "tags")
        and not any(re.search(changes[verb].format(table), text, re.DOTALL) for text in texts)
    }
    assert needless == set()


# ─── queries of the project ──────────────────────────────────────────────────────────────────────────


@contextmanager
def asking(made: Parted, query: str, *, timeout_s: float = 30.0) -> Iterator[Any]:
    """Give what a text gives that is asked as the project's query."""

    async def answered() -> Any:
        database = Database(made.url("worker"), query_url=made.url("asker"), schema=made.schema, size=1)
        await database.open()
        try:
            async with database.querying() as connection:
                if timeout_s < queries.SCRIPT_TIMEOUT_S:
                    return await queries.answer(connection, query, [], timeout_s=timeout_s)
                return await queries.query(connection, query, [])
        finally:
            await database.close()

    yield asyncio.run(answered())


DENIED = "permission denied"
NO_QUERY = "syntax error"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT * FROM interaction_events", DENIED),
        ("SELECT * FROM access_tokens", DENIED),
        ("SELECT * FROM payloads_r1", DENIED),
        ("SELECT new_run_id()", DENIED),
        ("SELECT nextval('event_ids')", DENIED),
        ("SELECT set_config('role', '{runner}', true)", "permission denied to set role"),
        (
            "SELECT set_config('session_authorization', '{runner}', true)",
            "permission denied to set session authorization",
        ),
        ("SELECT set_config('transaction_read_only', 'off', true)", "cannot set transaction read-write mode"),
        ("SELECT query_to_xml('SELECT * FROM payloads', true, true, '')", DENIED),
        ("SELECT pg_read_file('/etc/passwd')", DENIED),
        ("WITH gone AS (DELETE FROM items RETURNING 1) SELECT * FROM gone", "data-modifying"),
        ("SELECT 1; SELECT 2", NO_QUERY),
        ("SELECT 1) AS q; DELETE FROM items; SELECT FROM (SELECT 1", "cannot insert multiple commands"),
        ("SET search_path = public", NO_QUERY),
        ("NOTIFY x", NO_QUERY),
        ("LISTEN x", NO_QUERY),
        ("DO $$ BEGIN END $$", NO_QUERY),
        ("CREATE TEMP TABLE t ()", NO_QUERY),
        ("SELECT 1 INTO TEMP t", "SELECT ... INTO is not allowed here"),
        ("COPY items TO PROGRAM 'true'", NO_QUERY),
        ("SELECT generate_series(1, 20000)", "more than 10000 rows"),
    ],
)
def test_a_query_of_the_project_can_do_nothing_but_read_what_is_its_own(made: Parted, query: str, says: str):
    text = query.replace("{runner}", role_name(made.schema, DatabaseRole.RUNNER))
    with pytest.raises(DataRefused, match=re.escape(says)), asking(made, text):
        pass


def test_a_query_that_does_not_end_is_ended_even_if_it_sets_its_own_time(made: Parted):
    endless = "SELECT 1::bigint AS interaction_id FROM set_config('statement_timeout', '0', true), pg_sleep(600)"
    with pytest.raises(DataRefused, match="statement timeout"), asking(made, endless, timeout_s=0.2):
        pass


def test_a_large_object_is_refused_or_gone_again(made: Parted):
    with contextlib.suppress(DataRefused), asking(made, "SELECT lo_create(4711)"):
        pass
    assert made.sql("SELECT count(*) AS n FROM pg_largeobject_metadata WHERE oid = 4711") == [{"n": 0}]


def test_nothing_is_left_of_a_query_that_was_allowed(made: Parted):
    locks = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"
    with asking(made, "SELECT pg_try_advisory_lock(4711), pg_notify('x', 'y')"):
        assert made.sql(locks) == [{"n": 0}]
    with asking(made, "SELECT set_config('search_path', 'nowhere', false), current_user AS who") as rows_found:
        assert rows_found[0]["who"] == f"{made.schema}_asker"
    with asking(made, "SELECT count(*) AS n FROM items JOIN records ON record_id = item_id") as rows_found:
        assert rows_found == [{"n": 0}]


# ─── a project, by these roles ───────────────────────────────────────────────────────────────────────

LOOK_UP = """\
SELECT w.interaction_id, current_user AS who, length(i.text) AS "items.words"
FROM wave_items w JOIN items i ON i.item_id = w.record_id
"""
NONE = "SELECT e.record_id FROM ended_records e JOIN items i ON i.item_id = e.record_id WHERE i.note = ''"
STEPS = """\
measure:
  sql: sql/measure.sql
  input: {text: record.text}
  output: schemas/any.json
  writes: [items.words]
  next: ask
ask:
  actor: ask
  input: {who: measure.who}
  output: schemas/any.json
  writes: [items.note, tags]
  next: end
"""
ASK = script(
    """\
    [row] = ctx.db.query("SELECT current_user AS who, count(*) AS n FROM items")
    ctx.write("items", {"note": row["who"][-5:] + item["who"][-5:]})
    ctx.replace("tags", [{"tag": str(row["n"])}])
    return {}
    """,
    options="database = True",
)


@pytest.fixture
def at_work(session_database: str, tmp_path: Path) -> Iterator[Parted]:
    """A project that somebody may work on who is not its owner."""
    with parted_database(session_database, tmp_path / "project") as found:
        found.ground.project(
            rows=rows(3),
            steps=STEPS,
            actors={"ask": ASK},
            ensures=["record.words == 19", "count(tags) == 1"],
            files={"sql/measure.sql": LOOK_UP, "sql/none.sql": NONE, "schemas/any.json": '{"type": "object"}'},
        )
        workflow = found.ground.folder / "workflows/work.yaml"
        workflow.write_text(f"{workflow.read_text()}ensures_sql: [sql/none.sql]\n")
        found.act_as("deployer")
        wave(found, "db", "migrate")
        found.act_as("worker", asking=True)
        yield found


def test_a_project_is_worked_on_looked_at_and_verified_by_users_who_own_nothing(at_work: Parted):
    assert wave(at_work, "run", "work")["run"]["state"] == "completed"
    owners = "SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relnamespace = to_regnamespace(%s)"
    assert at_work.sql(owners, at_work.schema) == [{"owner": role_name(at_work.schema, DatabaseRole.OWNER)}]
    assert at_work.sql("SELECT DISTINCT note FROM items") == [{"note": "askerasker"}]
    assert at_work.sql("SELECT DISTINCT db_user FROM interaction_events") == [{"db_user": f"{at_work.schema}_worker"}]

    # A new month: a range of its own, made by the owner for whoever asks.
    with at_work.connected("worker") as connection:
        connection.execute("UPDATE run_ranges SET month = month - interval '1 month'")
    assert wave(at_work, "run", "work")["run"]["run_id"] == "100000"
    with serving(at_work.ground) as served:
        assert served.get("/api/v1/runs").status_code == 200
    wave(at_work, "audit", "verify")
    checks = {check["name"]: check for check in wave(at_work, "doctor")["checks"]}
    assert (checks["roles"]["verdict"], checks["queries"]["verdict"]) == ("ok", "ok")

    at_work.act_as("looker")
    for words in (["status"], ["report", "cost"], ["trace", "item 0001"], ["doctor"]):
        wave(at_work, *words)
    done = warm.wave("--project", at_work.ground.folder, "run", "work")
    assert done.returncode == 3
    assert "permission denied" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_a_role_has_not_is_named_and_given_by_migrating(at_work: Parted):
    at_work.sql(f"REVOKE UPDATE ON waves FROM {at_work.schema}_runner")
    at_work.sql(f"GRANT DELETE ON records TO {at_work.schema}_runner")
    done = warm.wave("--project", at_work.ground.folder, "doctor")
    assert done.returncode == 1
    assert "lacks UPDATE on waves" in done.stdout
    at_work.ground.write("sql/tables-2.sql", "CREATE TABLE more (n serial, m int)")
    refusal = warm.wave("--project", at_work.ground.folder, "status")
    assert refusal.returncode == 3
    assert f"the schema {at_work.schema} belongs to {at_work.schema}_owner" in refusal.stderr
    at_work.act_as("deployer")
    wave(at_work, "db", "migrate")
    at_work.act_as("worker")
    checks = {check["name"]: check["verdict"] for check in wave(at_work, "doctor")["checks"]}
    assert (checks["roles"], checks["queries"]) == ("ok", "warning")
    with at_work.connected("worker") as connection:
        connection.execute("INSERT INTO more (m) VALUES (1)")
        assert refused(connection, "DELETE FROM records WHERE false")


def test_what_one_user_has_made_is_handed_over_to_the_owner(session_database: str, tmp_path: Path):
    with parted_database(session_database, tmp_path / "project") as found:
        alone = found.add_user("alone")
        found.ground.project(rows=rows(2))
        found.act_as("alone")
        wave(found, "run", "work")
        assert found.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = %s", found.schema) == [
            {"tableowner": alone}
        ]
        found.sql(f"REASSIGN OWNED BY {alone} TO {found.schema}_owner")
        found.act_as("deployer")
        assert wave(found, "db", "migrate")["roles"] != []
        found.act_as("worker")
        assert wave(found, "run", "work")["run"]["run_id"] == "2"
        checks = {check["name"]: check["verdict"] for check in wave(found, "doctor")["checks"]}
        assert (checks["role"], checks["roles"]) == ("ok", "ok")


def test_whoever_may_make_roles_makes_them_and_acts_as_the_owner(session_database: str, tmp_path: Path):
    with parted_database(session_database, tmp_path / "project") as found:
        maker = found.add_user("maker", "CREATEROLE")
        schema = f"{found.schema}_new"
        found.ground.project(rows=rows(2))
        found.ground.write(".env", f"WAVE_DATABASE_URL={found.url('maker')}\nWAVE_SCHEMA={schema}\n")
        names = [role_name(schema, role) for role in DatabaseRole]
        try:
            assert wave(found, "db", "migrate")["roles_made"] == names
            assert wave(found, "db", "migrate")["roles_made"] == []
            assert wave(found, "run", "work")["run"]["state"] == "completed"
            assert found.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = %s", schema) == [
                {"tableowner": names[0]}
            ]
        finally:
            found.sql(f"DROP SCHEMA {schema} CASCADE")
            found.sql(f"DROP OWNED BY {', '.join([maker, *names])}")
            found.sql(f"DROP ROLE {', '.join(names)}")


def test_one_user_for_everything_works_and_is_told_what_that_means(ground: Ground):
    ground.project(rows=rows(1))
    assert ground.run() == "completed"
    found = json.loads(warm.wave("--project", ground.folder, "db", "migrate", "--json").stdout)
    assert (found["roles_made"], found["roles"]) == ([], [])
    done = warm.wave("--project", ground.folder, "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert (done.returncode, checks["roles"]["verdict"], checks["queries"]["verdict"]) == (0, "warning", "warning")
    assert "wave_runner" in checks["roles"]["fix"]


def test_roles_are_made_once_by_however_many_come_to_several_databases(session_database: str):
    with (
        parted_database(session_database, Path()) as found,
        fresh_database(session_database) as other,
        ThreadPoolExecutor(8) as pool,
    ):
        schema = f"{found.schema}_too"
        beside = urlsplit(session_database)._replace(path=urlsplit(other).path).geturl()
        made = pool.map(lambda url: migrate.make_roles(url, schema), [found.superuser(), beside] * 4)
        names = [role_name(schema, role) for role in DatabaseRole]
        assert sorted(name for one in made for name in one) == sorted(names)
        found.sql(f"DROP ROLE {', '.join(names)}")
