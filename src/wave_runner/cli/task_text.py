"""A task as it is printed: for people, and as a document."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

import click

from wave_runner.cli import output

if TYPE_CHECKING:
    from wave_runner.runner.deciding import Spoken
    from wave_runner.runner.deciding_together import Together
    from wave_runner.store.tasks import Task


def print_task(task: Task, form: Any, *, stream: IO[str]) -> None:
    """Print a task for people. Nothing that comes from a record reaches the terminal but printable text."""
    from wave_runner.runner.deciding import decisions, state_of

    def say(text: str) -> None:
        click.echo(output.clean(text), file=stream)

    say(f"task {task.task}: {task.title}")
    about = [f"queue {task.queue}", f"run {task.item.run_id} of {task.workflow}", f"step {task.step}"]
    about += [f"record {task.item.key}"] if task.item.key is not None else []
    about += [f"due {task.due_at:%Y-%m-%d %H:%M} UTC{', overdue' if task.overdue else ''}"] if task.due_at else []
    say(", ".join(about))
    say(state_of(task))
    for name, value in json.loads(task.input).items():
        say("")
        say(f"{name}:")
        for line in (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).splitlines() or [""]:
            say(f"  {line}")
    say("")
    for one in decisions(task, form):
        say(_said(one, task))
    if task.decided_at is None:
        say(f"to decide: {', '.join(_fields(form)) or 'any object'}")


def print_together(found: Together) -> None:
    """Print the tasks that one answer may be given to, and why it may not be given to others."""
    rows = [{**vars(one), "input": json.dumps(one.input, ensure_ascii=False)} for one in found.tasks]
    output.table(("task", "record", "title", "input"), rows, title=f"{found.step}: it would decide")
    if found.preview.left:
        output.table(("step", "state", "why", "n"), [vars(one) for one in found.preview.left], title="left alone")
    fields = ", ".join(_fields(found.form)) or "any object"
    output.heading(f"{found.preview.may} of {found.preview.total} that are picked; to decide: {fields}")
    output.heading(f"nothing is done yet: the same command with --reason TEXT --yes --expect {found.preview.may}")


def _said(one: Spoken, task: Task) -> str:
    """Return a decision as one line: who said what, what they saw, how long they took, and where the log says so."""
    told = "sent it back" if one.answer is None else f"decided {json.dumps(one.answer, ensure_ascii=False)}"
    about = [f"round {one.round}", f"{one.seconds:.0f} s after claiming it"]
    if one.nth is not None and task.needs > 1:
        about.append(f"number {one.nth}, {task.needs} are needed{', blind' if task.blind else ''}")
    about += [f"not as proposed: {', '.join(one.changed)}"] if one.changed else []
    about += [f"with others, by pick {one.pick}"] if one.pick is not None else []
    if one.saw is not None and one.said is not None:
        about.append(f"saw {one.saw[:12]}, said {one.said[:12]}, event {one.event_id}")
    return f"{one.person} {told}{f': {one.comment}' if one.comment else ''} ({'; '.join(about)})"


def _fields(form: Any) -> list[str]:
    """Return each field of a form with what it may hold, on a few words each."""
    found = []
    properties = form.get("properties", {}) if isinstance(form, dict) else {}
    required = form.get("required", []) if isinstance(form, dict) else []
    for name, schema in properties.items():
        kind = schema.get("type", "any value") if isinstance(schema, dict) else "any value"
        if isinstance(schema, dict) and isinstance(schema.get("enum"), list):
            kind = "|".join(map(str, schema["enum"]))
        found.append(f"{name} ({kind}{'' if name in required else ', may be left out'})")
    return found


def read_value(text: str) -> Any:
    """Return a number, a truth value, null, a list or an object where the text is JSON of one; else the text."""
    from wave_runner.core.canonical import JsonError, parse_json

    try:
        return parse_json(text.encode())
    except JsonError:
        return text
