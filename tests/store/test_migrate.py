"""The schema: made once by however many come, equal to what is written down, and refused where it is not ours."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit

import psycopg
import pytest
from tests.support.projects import Ground, rows
from tests.support.schema import SCHEMA_SQL, dump

from wave_runner.errors import ConflictError, DatabaseError, ProjectError, SettingsError
from wave_runner.store import migrate
from wave_runner.store.database import check_server

MIGRATE = "import sys; from wave_runner.store import migrate; print(migrate.migrate(sys.argv[1], 'wave'))"


def sql(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def adopt(url: str, *, project_id: str = "one", name: str = "first", tables: dict[str, bytes] | None = None) -> None:
    migrate.adopt_project(url, "wave", project_id=project_id, name=name, tables=tables or {})


def test_the_written_schema_is_the_sum_of_the_migrations(database: str):
    with psycopg.connect(database) as connection:
        if connection.info.server_version // 10000 != 18:
            pytest.skip("schema.sql is written as PostgreSQL 18 writes it")
    migrate.migrate(database, "wave")
    assert dump(database) == SCHEMA_SQL.read_text(encoding="utf-8"), "make schema writes it anew"


def test_migrating_again_does_nothing(database: str):
    assert migrate.status(database, "wave") is None
    assert migrate.migrate(database, "wave") is True
    assert migrate.migrate(database, "wave") is False
    assert migrate.status(database, "wave") == migrate.NEWEST


def test_of_processes_that_migrate_at_once_one_does_it_and_all_succeed(database: str):
    command = [sys.executable, "-c", MIGRATE, database]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    told = [process.communicate()[0].strip() for process in started]
    assert [process.returncode for process in started] == [0] * 4
    assert sorted(told) == ["False", "False", "False", "True"]


def test_a_schema_of_a_newer_version_is_refused(database: str):
    migrate.migrate(database, "wave")
    sql(database, "UPDATE wave.schema_version SET version_num = '9999'")
    assert migrate.migrate(database, "wave") is False, "it does not say that it is too new for us"
    sql(database, "CREATE OR REPLACE FUNCTION wave.works_since() RETURNS text LANGUAGE sql RETURN '9999'")
    with pytest.raises(ConflictError, match="at version 9999; this Wave Runner knows versions up to") as refused:
        migrate.migrate(database, "wave")
    assert "upgrade Wave Runner" in refused.value.hint


def test_projects_in_two_schemas_of_one_database_do_not_see_each_other(database: str, session_database: str):
    admin = urlsplit(session_database)._replace(path=urlsplit(database).path).geturl()
    sql(admin, "GRANT CREATE ON SCHEMA public TO wave")
    migrate.migrate(database, "public")
    migrate.adopt_project(database, "public", project_id="one", name="first", tables={})
    assert migrate.status(database, "wave") is None
    assert migrate.migrate(database, "wave") is True
    adopt(database, project_id="two", name="second")
    assert sql(database, "SELECT project_id FROM wave.project") == [("two",)]
    assert sql(database, "SELECT project_id FROM public.project") == [("one",)]


def test_a_schema_that_belongs_to_another_project_is_refused(database: str):
    migrate.migrate(database, "wave")
    adopt(database)
    adopt(database)
    with pytest.raises(
        ConflictError, match=r"belongs to the project 'first' \(one\), not to 'second' \(two\)"
    ) as refused:
        adopt(database, project_id="two", name="second")
    assert "WAVE_SCHEMA" in refused.value.hint


def test_a_projects_tables_are_made_once_and_in_the_order_of_their_names(database: str):
    migrate.migrate(database, "wave")
    tables = {"sql/tables-2.sql": b"INSERT INTO t VALUES (2)", "sql/tables.sql": b"CREATE TABLE t (n int)"}
    adopt(database, tables=tables)
    adopt(database, tables=tables)
    assert sql(database, "SELECT n FROM wave.t") == [(2,)]


def test_a_file_of_tables_that_changed_after_it_was_applied_is_refused(database: str):
    migrate.migrate(database, "wave")
    adopt(database, tables={"sql/tables.sql": b"CREATE TABLE t (n int)"})
    with pytest.raises(ProjectError, match=r"sql/tables\.sql was changed after it had been applied") as refused:
        adopt(database, tables={"sql/tables.sql": b"CREATE TABLE t (n bigint)"})
    assert "a new file" in refused.value.hint


def test_a_file_of_tables_with_a_mistake_leaves_nothing_behind(database: str):
    migrate.migrate(database, "wave")
    tables = {"sql/tables-1.sql": b"CREATE TABLE t (n int)", "sql/tables-2.sql": b"CREATE TABEL u (n int)"}
    with pytest.raises(ProjectError, match=r'sql/tables-2\.sql: PostgreSQL says: syntax error at or near "TABEL"'):
        adopt(database, tables=tables)
    assert sql(database, "SELECT to_regclass('wave.t'), count(*) FROM wave.project") == [(None, 0)]


def test_a_table_with_the_name_of_one_of_the_engines_is_refused_with_the_way_out(database: str):
    migrate.migrate(database, "wave")
    with pytest.raises(ProjectError, match='relation "records" already exists') as refused:
        adopt(database, tables={"sql/tables.sql": b"CREATE TABLE records (n int)"})
    assert "choose another name" in refused.value.hint


def test_a_file_of_tables_that_is_not_utf_8_is_refused(database: str):
    migrate.migrate(database, "wave")
    with pytest.raises(ProjectError, match=r"sql/tables\.sql: it is not UTF-8"):
        adopt(database, tables={"sql/tables.sql": b"SELECT '\xff'"})


def test_a_user_who_may_not_create_the_schema_is_told_what_to_grant(database: str, session_database: str):
    admin = urlsplit(session_database)._replace(path=urlsplit(database).path).geturl()
    sql(admin, f"ALTER DATABASE {urlsplit(database).path[1:]} OWNER TO CURRENT_USER")
    with pytest.raises(DatabaseError, match="the user wave may not create the schema wave") as refused:
        migrate.migrate(database, "wave")
    assert "GRANT CREATE ON DATABASE" in refused.value.hint


# ─── servers that cannot be used ─────────────────────────────────────────────────────────────────────


def test_a_server_older_than_15_is_refused_with_the_version_found():
    with pytest.raises(DatabaseError, match=r"db\.example port 5432, database jobs runs PostgreSQL 14\.11") as refused:
        check_server(140011, {"host": "db.example", "dbname": "jobs"})
    assert "needs 15 or newer" in refused.value.message
    check_server(150000, {})


@pytest.mark.parametrize("use", ["migrate", "engine"])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:secret@127.0.0.1:1/jobs", ["127.0.0.1 port 1, database jobs", "Connection refused"]),
        ("postgresql://me:secret@no.such.host.invalid/jobs", ["no.such.host.invalid port 5432"]),
        ("host=/nowhere user=me password=secret", ["/nowhere port 5432", "No such file or directory"]),
        ("postgres//me:secret@host/jobs", ["is not a PostgreSQL address"]),
        ("postgresql://me:secret@host:port/jobs", []),
    ],
)
def test_a_wrong_url_says_which_host_and_what_to_check_and_never_the_password(
    ground: Ground, use: str, url: str, said: list[str]
):
    ground.project(rows=rows(0)).write(".env", f"WAVE_DATABASE_URL={url}\n")
    connect = ground.start if use == "engine" else lambda: migrate.migrate(url, "wave")
    with pytest.raises((DatabaseError, SettingsError)) as refused:
        connect()
    text = f"{refused.value.message} {refused.value.hint}"
    for part in said:
        assert part in text
    assert "WAVE_DATABASE_URL" in text or "postgresql://user:password@host" in text
    assert "secret" not in text


def test_a_wrong_password_is_reported_in_postgresqls_words_without_it(database: str):
    parts = urlsplit(database)
    netloc = f"wave:not-the-password@{parts.netloc.rpartition('@')[2]}"
    with pytest.raises(DatabaseError, match="password authentication failed") as refused:
        migrate.migrate(parts._replace(netloc=netloc).geturl(), "wave")
    assert "not-the-password" not in f"{refused.value.message} {refused.value.hint}"
