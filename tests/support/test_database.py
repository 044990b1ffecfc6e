"""The databases that tests get: their own, empty, without superuser's rights, and gone afterwards."""

from __future__ import annotations

import psycopg
import pytest
from tests.support.database import fresh_database


def test_a_fresh_database_is_empty_and_owned_by_an_ordinary_role(database: str) -> None:
    with psycopg.connect(database) as connection:
        owner = "SELECT pg_get_userbyid(datdba), rolsuper FROM pg_database, pg_roles"
        mine = " WHERE datname = current_database() AND rolname = current_user"
        assert connection.execute(owner + mine).fetchone() == ("wave", False)
        connection.execute("CREATE SCHEMA of_our_own")
        assert connection.execute("SELECT 'é' = U&'\\00e9', getdatabaseencoding()").fetchone() == (True, "UTF8")


def test_a_copy_has_what_its_template_has(session_database: str, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        name = connection.info.dbname
    with fresh_database(session_database, template=name) as copy, psycopg.connect(copy) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_fresh_database_is_gone_afterwards_even_while_somebody_is_connected(session_database: str) -> None:
    with fresh_database(session_database) as url:
        left = psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    left.close()
    with pytest.raises(psycopg.OperationalError, match=r"not currently accepting connections|does not exist"):
        psycopg.connect(url)
