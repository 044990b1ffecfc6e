"""A task answered at the terminal: one question for each field of its form, the draft kept at every step."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from wave_runner.cli import output
from wave_runner.cli.task_text import print_task, read_value
from wave_runner.errors import AnswerError

if TYPE_CHECKING:
    from wave_runner.runner.deciding import People
    from wave_runner.store.tasks import Task

DONE, INTERRUPTED = 0, 130
LEFT_OUT = object()


async def fill_in(people: People, task: Task) -> int:
    """Ask for an answer until it fits, and decide. Returns the exit code. Ctrl-C keeps the draft and the claim."""
    form = (await people.step(task)).schema or {}
    print_task(task, form, stream=sys.stderr)
    draft = _begun(task, form)
    # The event loop's own way with Ctrl-C would let a question that waits for its answer wait on.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        while True:
            await _ask_all(people, task, form, draft)
            comment = click.prompt("comment", default="", show_default=False, err=True)
            try:
                decided = await people.decide(task.task, draft, comment=comment, token=task.claim_token)
            except AnswerError as error:
                _say(f"that does not fit: {error.message}")
                continue
            _say(_what_now(decided))
            return DONE
    except (click.Abort, KeyboardInterrupt):
        await people.keep_draft(task.task, draft, token=task.claim_token)
        _say(f"\nkept as a draft; the task is yours for half an hour. To give it back: wave tasks release {task.task}")
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, before)


def _begun(task: Task, form: dict[str, Any]) -> dict[str, Any]:
    """Return what stands in the form at first: the draft, else what is proposed where the step begins with that."""
    from wave_runner.runner.deciding import proposal_of

    if task.draft:
        return dict(json.loads(task.draft))
    return proposal_of(task, form) if task.prefill else {}


async def _ask_all(people: People, task: Task, form: dict[str, Any], draft: dict[str, Any]) -> None:
    required = form.get("required", [])
    for name, schema in form.get("properties", {}).items():
        value = _ask(name, schema if isinstance(schema, dict) else {}, draft.get(name, LEFT_OUT), name in required)
        if value is LEFT_OUT:
            draft.pop(name, None)
        else:
            draft[name] = value
        await people.keep_draft(task.task, draft, token=task.claim_token)


def _ask(name: str, schema: dict[str, Any], before: Any, required: bool) -> Any:
    """Ask for one field; Enter takes what stands there, or leaves out what may be left out."""
    if about := schema.get("description"):
        _say(f"{name}: {about}")
    default = None if before is LEFT_OUT else before
    if isinstance(schema.get("enum"), list):
        return _choose(name, schema["enum"], default, required)
    if schema.get("type") == "boolean" and (required or default is not None):
        return click.confirm(name, default=default, err=True)
    shown = default if isinstance(default, str) else json.dumps(default) if default is not None else None
    empty = "" if not required and shown is None else shown
    said = click.prompt(_question(name, empty), default=empty, show_default=False, err=True)
    if said == "" and not required:
        return LEFT_OUT
    return said if schema.get("type") == "string" else read_value(said)


def _choose(name: str, choices: list[Any], default: Any, required: bool) -> Any:
    """Ask for one of several values by its number or its word."""
    words = [choice if isinstance(choice, str) else json.dumps(choice) for choice in choices]
    for number, word in enumerate(words, 1):
        _say(f"  {number}  {word}")
    shown = words[choices.index(default)] if default in choices else ("" if not required else None)
    while True:
        said = click.prompt(_question(name, shown), default=shown, show_default=False, err=True)
        if said == "" and not required:
            return LEFT_OUT
        if said in words:
            return choices[words.index(said)]
        if said.isascii() and said.isdigit() and 1 <= int(said) <= len(choices):
            return choices[int(said) - 1]
        _say(f"one of 1 to {len(choices)}, or its word")


def _question(name: str, default: str | None) -> str:
    """Return a question with what Enter takes behind it, which a record or a model may have proposed."""
    return f"{name} [{output.clean(default)}]" if default else name


def _what_now(task: Task) -> str:
    from wave_runner.runner.deciding import state_of

    if task.decided_at is not None:
        return f"task {task.task} is decided; a runner goes on with it"
    return f"task {task.task}: {state_of(task)}; it waits for another one"


def _say(text: str) -> None:
    click.echo("\n".join(output.clean(line) for line in text.split("\n")), err=True)
