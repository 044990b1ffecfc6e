"""The schema as `pg_dump` of PostgreSQL 18 writes it, without what differs from day to day.

python -m tests.support.schema      writes src/wave_runner/store/schema.sql anew
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from wave_runner.store import embedded, migrate
from wave_runner.store.embedded_binaries import installed

SCHEMA_SQL = Path(__file__).parents[2] / "src/wave_runner/store/schema.sql"
HEADER = """\
-- The sum of the migrations, to be read; nothing runs this file. A test keeps it true, `make schema` writes it anew.
"""
# Settings of the dumping session, comments that say what the next line says, and a word made anew for each dump.
NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)\n", re.MULTILINE)


def dump(url: str, schema: str = "wave") -> str:
    """Return the definition of a database's schema, owners left out."""
    pg_dump = installed().initdb.with_name("pg_dump")
    command = [pg_dump, "--schema-only", "--no-owner", f"--schema={schema}", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return HEADER + "\n" + re.sub(r"\n{3,}", "\n\n", NOISE.sub("", text)).strip() + "\n"


def main() -> None:
    """Migrate an empty database and write down what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        wave_dir = Path(folder) / ".wave"
        database = embedded.start(wave_dir)
        try:
            migrate.migrate(database.url, "wave")
            SCHEMA_SQL.write_text(dump(database.url), encoding="utf-8")
        finally:
            database.release()
            embedded.remove(wave_dir)


if __name__ == "__main__":
    main()
