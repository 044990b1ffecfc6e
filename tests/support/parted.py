"""A project whose roles in the database are parted: a user who migrates, one who works, one who asks, one who looks.

Roles belong to the whole server, which all tests share: each such project has a schema, and so roles, of its own name.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from tests.support.database import fresh_database
from tests.support.projects import Ground

from wave_runner.core.database_roles import DatabaseRole, role_name

PAGE = Path(__file__).parents[2] / "docs/how-to/deploy.md"
PASSWORD = "parted-in-tests"
USERS = ("deployer", "worker", "asker", "looker")  # each a member of one role, in their order


@dataclass(kw_only=True)
class Parted:
    """A database, and the schema of a project in it, with one user for each of the project's roles."""

    schema: str
    ground: Ground
    others: list[str] = field(default_factory=list)

    def url(self, user: str) -> str:
        """Return the address of the database for one of `USERS`."""
        parts = urlsplit(self.ground.url)
        netloc = f"{self.schema}_{user}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}"
        return parts._replace(netloc=netloc).geturl()

    def act_as(self, user: str, *, asking: bool = False) -> None:
        """Let the commands of the project connect as this user; `asking`: and its queries as the one for them."""
        asker = f"WAVE_DATABASE_QUERY_URL={self.url('asker')}\n" if asking else ""
        self.ground.write(".env", f"WAVE_DATABASE_URL={self.url(user)}\nWAVE_SCHEMA={self.schema}\n{asker}")

    @contextlib.contextmanager
    def connected(self, user: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """Give a connection of this user's, or of the superuser's: "" is that one."""
        url = self.url(user) if user else self.superuser()
        with psycopg.connect(
            url, options=f"-c search_path={self.schema}", autocommit=True, row_factory=dict_row
        ) as one:
            yield one

    def superuser(self) -> str:
        """Return the superuser's address of the database."""
        return urlsplit(self.ground.admin_url)._replace(path=urlsplit(self.ground.url).path).geturl()

    def add_user(self, user: str, attributes: str = "") -> str:
        """Add a user who is a member of no role and may make schemas in the database; return its name."""
        name = f"{self.schema}_{user}"
        database = urlsplit(self.ground.url).path.lstrip("/")
        self.sql(f"CREATE ROLE {name} LOGIN {attributes} PASSWORD '{PASSWORD}'")
        self.others.append(name)
        self.sql(f"GRANT CONNECT, CREATE ON DATABASE {database} TO {name}")
        return name

    def sql(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Ask as the superuser."""
        with self.connected("") as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []


def as_documented(schema: str, database: str) -> list[str]:
    """Return what the page tells an administrator to do, with the names of the test; the database is there."""
    [block] = re.findall(r"```sql\n(CREATE ROLE wave_owner.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    named = block.replace("wave_", f"{schema}_").replace("postings_", f"{schema}_").replace("…", PASSWORD)
    told = [one.strip().replace("DATABASE postings", f"DATABASE {database}") for one in named.split(";")]
    return [one for one in told if one and not one.startswith("CREATE DATABASE")]


@contextlib.contextmanager
def parted_database(admin_url: str, folder: Path) -> Iterator[Parted]:
    """Give an empty database, with roles and users for a project that is to be there; gone with the block."""
    with fresh_database(admin_url) as url:
        found = Parted(schema=f"r{secrets.token_hex(4)}", ground=Ground(folder=folder, url=url, admin_url=admin_url))
        roles = [role_name(found.schema, role) for role in DatabaseRole]
        users = [f"{found.schema}_{user}" for user in USERS]
        with found.connected("") as admin:
            for statement in as_documented(found.schema, urlsplit(url).path.lstrip("/")):
                admin.execute(statement)
        try:
            yield found
        finally:
            with found.connected("") as admin:
                admin.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(found.schema)))
                names = sql.SQL(", ").join(map(sql.Identifier, [*found.others, *users, *roles]))
                admin.execute(sql.SQL("DROP OWNED BY {}").format(names))
                admin.execute(sql.SQL("DROP ROLE {}").format(names))
