"""A run that has ended, of a small project on a real database, with a bit of everything in it.

Of seven staged rows two are rejected, by three rules' worth of errors; of the five records three are completed, one is
quarantined by its input's contract, and one fails at its actor after a retry. Use it as a plugin.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from tests.support import warm

from wave_runner.project.init import init_project

WAVE = Path(sys.executable).with_name("wave")

ITEMS = """\
ITEMS = [
    {"name": "haiku", "text": "An old silent pond. A frog jumps into the pond. Splash! Silence again."},
    {"name": "proverb", "text": "Many hands make light work."},
    {"name": "saying", "text": "Still waters run deep."},
    {"name": "short", "text": "Oh"},
    {"name": "bomb", "text": "This one makes its actor fail."},
    {"name": "broken", "text": None},
    {"text": None},
]
"""

SETTINGS = """
[scripts.count_words]
max_attempts = 2
"""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A project folder on its database, whose run 1 has ended."""

    folder: Path
    url: str
    admin_url: str

    def wave(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `wave` on the project, as a process of its own."""
        command = ["--project", self.folder, *arguments]
        return warm.wave(*command)

    def sql(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        """Run a statement as the project's own role, and commit."""
        with psycopg.connect(self.url, options="-c search_path=wave,public") as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def run_on(self, since: str) -> None:
        """Have what has failed run again since so long ago, under a lease that holds."""
        self.sql("UPDATE waves SET lease_expires_at = now() + interval '1 hour'")
        self.sql(
            "UPDATE interactions SET state = 'running', finished_at = NULL, started_at = now() - %s::interval"
            " WHERE state = 'failed'",
            since,
        )
        self.sql(
            "INSERT INTO claimed (wave_id, interaction_id, run_id)"
            " SELECT wave_id, interaction_id, run_id FROM interactions WHERE state = 'running'"
        )

    def as_superuser(self, query: str) -> None:
        """Run a statement as somebody whom nothing stops, and commit."""
        url = urlsplit(self.admin_url)._replace(path=urlsplit(self.url).path).geturl()
        with psycopg.connect(url, options="-c search_path=wave,public") as connection:
            connection.execute(query)


@pytest.fixture(scope="session")
def counted(session_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    """The run, shared by all tests that only look at it."""
    # Not above: a plugin must not be imported before pytest has prepared it.
    from tests.support.database import fresh_database

    folder = tmp_path_factory.mktemp("counted") / "project"
    make_project(folder)
    with fresh_database(session_database) as url:
        point_at(folder, url)
        counted = Counted(folder=folder, url=url, admin_url=session_database)
        ended = counted.wave("run", "count")
        assert ended.returncode == 1, ended.stdout + ended.stderr
        yield counted


@pytest.fixture
def counted_copy(counted: Counted, tmp_path: Path) -> Iterator[Counted]:
    """A copy of the run and of its folder, for tests that change something."""
    from tests.support.database import fresh_database

    folder = tmp_path / "project"
    make_project(folder)
    (folder / "wave.toml").write_bytes((counted.folder / "wave.toml").read_bytes())
    with fresh_database(counted.admin_url, template=urlsplit(counted.url).path.lstrip("/")) as url:
        point_at(folder, url)
        yield Counted(folder=folder, url=url, admin_url=counted.admin_url)


def make_project(folder: Path) -> None:
    """Make the template `blank` a project with the items above, and with an actor that can fail."""
    init_project(folder, "blank")
    replace(folder / "actors/fetch_items.py", _between(folder / "actors/fetch_items.py", "ITEMS = [", "]\n"), ITEMS)
    replace(folder / "workflows/count.yaml", "size(text) > 0", "size(text) > 3")
    replace(
        folder / "actors/count_words.py",
        "        words = len(item.text.split())\n",
        '        if "fail" in item.text:\n            raise RuntimeError("told to fail")\n'
        "        words = len(item.text.split())\n",
    )
    replace(
        folder / "actors/check_items.py",
        '            return Reject(row, [{"rule": "missing", "field": field, "message": f"{field} must be a text"}])\n'
        "    return Promote",
        '            errors.append({"rule": "missing", "field": field, "message": f"{field} must be a text"})\n'
        "    if errors:\n        return Reject(row, errors)\n    return Promote",
    )
    replace(folder / "actors/check_items.py", "    for field in", "    errors = []\n    for field in")
    with (folder / "wave.toml").open("a", encoding="utf-8") as toml:
        toml.write(SETTINGS)


def point_at(folder: Path, url: str) -> None:
    """Have the project use this database."""
    (folder / ".env").write_text(f"WAVE_DATABASE_URL={url}\n", encoding="utf-8")


def replace(file: Path, old: str, new: str) -> None:
    """Replace a text that stands exactly once in a file."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def _between(file: Path, first: str, last: str) -> str:
    text = file.read_text(encoding="utf-8")
    start = text.index(first)
    return text[start : text.index(last, start) + len(last)]
