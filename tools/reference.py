"""Writes what is generated in docs/reference: commands, rules of `wave check`, the HTTP interface. `make reference`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from wave_runner.api.app import interface
from wave_runner.cli.main import wave
from wave_runner.core.lint import RULES

PAGE = Path(__file__).parent.parent / "docs/reference/commands.md"
RULES_PAGE = PAGE.with_name("lint.md")
INTERFACE = PAGE.with_name("openapi.json")
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
