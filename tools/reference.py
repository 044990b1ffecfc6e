"""Writes what is generated in docs/reference: commands, rules of `wave check`, HTTP, tables. `make reference`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click

from wave_runner.api.app import interface
from wave_runner.cli.main import wave
from wave_runner.core.lint import RULES

PAGE = Path(__file__).parent.parent / "docs/reference/commands.md"
RULES_PAGE = PAGE.with_name("lint.md")
INTERFACE = PAGE.with_name("openapi.json")
TABLES_PAGE = PAGE.with_name("tables.md")
SCHEMA = PAGE.parents[2] / "src/wave_runner/store/schema.sql"
ARCHITECTURE = PAGE.parents[1] / "design/architecture.md"
WIDTH = 100

HEAD = """\
# Commands

What each command says of itself. This page is made by `make reference`; a test finds out when it is older than the
commands.

Standard output is data, standard error is everything else. With `--json` a command that reports prints one JSON
document, its `schema` first; ids are texts in it. `--project DIR` names the project, before or after the command;
without it the current folder counts, or the nearest above it that holds `wave.toml`.

| exit code | meaning |
|---|---|
| 0 | done; for a run: completed, every record has what its workflow ensures |
| 1 | a run failed, a chain is broken, a schema is behind; or a model server or an actor cannot be used |
| 2 | a file of the project, a setting, the command line or an answer to a task is wrong |
| 3 | the database cannot be reached, is too old, or cannot run here |
| 4 | a name or key does not exist |
| 5 | somebody or something else decided first: drift, a task that another has claimed, a schema of another project |
| 6 | a run has stopped because only people can go on with it |
| 70 | a bug of ours; the traceback is shown |
| 130 | interrupted; what was under way was given back |
| 143 | ended by a second SIGTERM: what was under way goes back when its lease runs out |
"""


RULES_HEAD = """\
# What `wave check` finds

Every finding has a code that never changes its meaning, its file and line, and what to do. An *error* keeps everything
of the project from running. An *objection* keeps one workflow from running, unless it is run with `--force`; the run's
first event then says which were overruled. A *warning* is for you to judge. This page is made by `make reference`.

| code | rule | severity | what it means | what to do |
|---|---|---|---|---|
"""


TABLES_HEAD = """\
# Tables and views

For those who ask the database themselves: what lies in a project's schema (`WAVE_SCHEMA`, `wave` if nothing is said)
beside the project's own tables. Read it as you like, and change nothing of it by hand. No table is promised to stay as
it is in another version; the [documents of reports](reports.md) are. How the tables hang together is told in
[the architecture](../design/architecture.md#the-tables). This page is made by `make reference`.

Tables that have a partition for each month are marked; ask the table, and name `run_id` where you can.
"""


def tables_page() -> str:
    """Return the page of tables and views as it should be: columns from the schema, words from the architecture."""
    schema = SCHEMA.read_text(encoding="utf-8")
    words = ARCHITECTURE.read_text(encoding="utf-8").replace("](decisions/", "](../design/decisions/")
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", words, flags=re.MULTILINE))
    made = re.findall(r"^CREATE TABLE wave\.(\w+) \((.*?)^\)(.*?);$", schema, flags=re.MULTILINE | re.DOTALL)
    tables = [table_section(name, told[name], body, after) for name, body, after in sorted(made) if name in told]
    views = re.findall(r"^CREATE VIEW wave\.(\w+) AS\n(.*?;)$", schema, flags=re.MULTILINE | re.DOTALL)
    shown = [f"## {name}\n\nA view.\n\n```sql\n{query}\n```\n" for name, query in sorted(views)]
    return "\n".join([TABLES_HEAD, *tables, *shown])


def table_section(name: str, what: str, body: str, after: str) -> str:
    """Return what a reader needs of a table: what it is for, and its columns with their types."""
    lines = [line.split(" ", 1) for line in re.split(r",\n    (?=\S)", body.strip())]
    rows = "".join(f"| `{column}` | {in_words(kind)} |\n" for column, kind in lines if column != "CONSTRAINT")
    monthly = " Has a partition for each month." if "PARTITION BY" in after else ""
    return f"## {name}\n\n{what[0].upper()}{what[1:]}.{monthly}\n\n| column | type |\n|---|---|\n{rows}"


def in_words(kind: str) -> str:
    """Return a column's type, and whether it may be NULL; without its default and the names of constraints."""
    bare = re.sub(r" (DEFAULT|GENERATED|CONSTRAINT|NOT NULL)\b.*", "", kind, flags=re.DOTALL).replace("wave.", "")
    return bare if "NOT NULL" in kind else f"{bare}, or NULL"


def rules_page() -> str:
    """Return the page of rules as it should be."""
    lines = [
        f"| `{rule.code}` | `{rule.name}` | {rule.severity} | {rule.means} | {rule.fix} |\n" for rule in RULES.values()
    ]
    return RULES_HEAD + "".join(lines)


def page() -> str:
    """Return the page as it should be."""
    parts = [f"## {name}\n\n```text\n{text}\n```\n" for name, text in helps(wave, "wave", None)]
    return "\n".join([HEAD, *parts])


def openapi() -> str:
    """Return the description of the HTTP interface as it should be."""
    return json.dumps(interface(), indent=1, ensure_ascii=False) + "\n"


def helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    """Yield the full name and the help of a command and of all below it."""
    size = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, info_name=name, parent=parent, **{**command.context_settings, **size})
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None:
                yield from helps(found, below, context)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    RULES_PAGE.write_text(rules_page(), encoding="utf-8")
    INTERFACE.write_text(openapi(), encoding="utf-8")
    TABLES_PAGE.write_text(tables_page(), encoding="utf-8")
