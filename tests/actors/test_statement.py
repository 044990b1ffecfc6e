import pytest

from wave_runner.actors.statement import EFFECTS, READS, check_statement


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (%s)",
        "  -- a; comment\n update t set a = 1;  ",
        "/* COMMIT; */ DELETE FROM t",
        "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
        "(SELECT 1)",
        "MERGE INTO t USING s ON true WHEN MATCHED THEN DO NOTHING",
        "SELECT 'it''s; fine', E'a\\';b', \"a;b\", $$ ; $$, $body$ ; $$ ; $body$",
    ],
)
def test_one_statement_that_changes_or_reads_data_is_allowed(statement):
    check_statement(statement, EFFECTS)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("COMMIT", "COMMIT is not allowed"),
        ("-- harmless\nrollback", "ROLLBACK is not allowed"),
        ("SELECT 1; COMMIT", "one statement"),
        ("SELECT ';' ; COMMIT", "one statement"),
        ("SELECT '\\'; COMMIT; --'", "one statement"),
        ("SELECT date'\\'; COMMIT; --'", "one statement"),
        ("SELECT $a$ x; COMMIT", "one statement"),
        ("SELECT 'open", "not closed"),
        ("/* outer /* inner */ COMMIT; */ SELECT 1", "not closed, or is nested"),
        ("", "an empty text"),
        (";", "an empty text"),
        ("DROP TABLE t", "DROP is not allowed"),
        ("SET ROLE postgres", "SET is not allowed"),
        ("DO $$ BEGIN COMMIT; END $$", "DO is not allowed"),
        ("COPY t FROM PROGRAM 'id'", "COPY is not allowed"),
    ],
)
def test_anything_else_is_refused(statement, says):
    with pytest.raises(ValueError, match=says):
        check_statement(statement, EFFECTS)


def test_a_query_may_only_read():
    with pytest.raises(ValueError, match="DELETE is not allowed here, only SELECT"):
        check_statement("DELETE FROM t", READS)
