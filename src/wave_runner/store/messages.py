"""Several statements in one message to the server, and all their answers in one.

Each way there and back wakes two processes. What needs nothing from the answers before it need not wait for them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from psycopg import errors
from psycopg.abc import AdaptContext, PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from wave_runner.store.arrays import literal
from wave_runner.store.statements import statement

GOOD = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
PLACE = re.compile(r"%\((\w+)\)s|%%")

Key = tuple[bytes, tuple[int, ...]]
"""The text of a statement and the types of its parameters."""

Prepared = dict[Key, bytes]
"""What the server has been given to prepare in one session: its name there."""

_numbers = itertools.count(1)


@dataclass(kw_only=True, eq=False, slots=True)
class Question:
    """A statement that is to be said, and then what the server has answered."""

    text: bytes
    values: Sequence[Any] | None = None
    types: tuple[int, ...] = ()
    formats: Sequence[Format] | None = None
    prepares: bool = False  # planned once for a session
    result: PGresult | None = None


@cache
def numbered(name: str) -> tuple[bytes, tuple[str, ...]]:
    """Return a named statement as the server takes it, and the names of its parameters by number."""
    names: dict[str, int] = {}

    def place(found: re.Match[str]) -> str:
        return f"${names.setdefault(found[1], len(names) + 1)}" if found[1] else "%"

    text = statement(name)
    return (PLACE.sub(place, text) if "%(" in text else text).encode(), tuple(names)


def question(context: AdaptContext, name: str, parameters: Mapping[str, Any] | None, *, prepares: bool) -> Question:
    """Return a named statement with its parameters, ready to be said."""
    text, names = numbered(name)
    if not names:
        return Question(text=text, prepares=prepares)
    given = [parameters[name] for name in names] if parameters else []
    writer = Transformer(context)
    values = writer.dump_sequence(
        [literal(one) if type(one) is list else one for one in given], [PyFormat.AUTO] * len(given)
    )
    return Question(text=text, values=values, types=writer.types or (), formats=writer.formats, prepares=prepares)


def exchange(server: PGconn, questions: Sequence[Question], prepared: Prepared) -> PQGen[None]:
    """Say all of them in one message, and wait for their answers. Raises the error of the first that fails.

    None after that one is heard. What is not inside a transaction is one.
    """
    server.enter_pipeline_mode()
    asked: list[Question | Key] = []  # for each answer; a key: it is that to a PREPARE
    for one in questions:
        if not one.prepares:
            server.send_query_params(one.text, one.values, param_types=one.types, param_formats=one.formats)
        else:
            key = (one.text, one.types)
            if key not in prepared:
                prepared[key] = f"wave_{next(_numbers)}".encode()
                server.send_prepare(prepared[key], one.text, param_types=one.types)
                asked.append(key)
            server.send_query_prepared(prepared[key], one.values, param_formats=one.formats)
        asked.append(one)
    server.pipeline_sync()
    answers = yield from _answers(server)
    server.exit_pipeline_mode()
    for one, answer in zip(asked, answers, strict=True):
        if isinstance(one, Question):
            one.result = answer
        elif answer.status not in GOOD:
            del prepared[one]
    if failed := next((answer for answer in answers if answer.status not in GOOD), None):
        raise errors.error_from_result(failed)


def _answers(server: PGconn) -> PQGen[list[PGresult]]:
    """Send what is still to be sent, and read what the server answers until it has answered all."""
    while server.flush():
        if (yield Wait.RW) & Ready.R:
            server.consume_input()
    found = []
    while True:
        while server.is_busy():
            yield Wait.R
            server.consume_input()
        answer = server.get_result()
        if answer is None:
            continue  # the end of what one statement gives
        if answer.status == ExecStatus.PIPELINE_SYNC:
            return found
        found.append(answer)


def rows(context: Transformer, one: Question) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the names of the columns that a statement has given, and its rows; nothing where it gives none."""
    assert one.result is not None, "it has been said and answered"
    if one.result.status != ExecStatus.TUPLES_OK:
        return [], []
    context.set_pgresult(one.result)
    names = [(one.result.fname(n) or b"").decode() for n in range(one.result.nfields)]
    return names, context.load_rows(0, one.result.ntuples, tuple)
