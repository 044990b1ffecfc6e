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

from psycopg import errors, sql
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
"""What the server has been given to prepare in one session: its name there. The one last said is the last."""

# Numbers of other sizes are other types, and make another plan of a statement: a session would keep them for ever.
MOST_PREPARED = 100

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
    return _by_number(statement(name))


def _by_number(text: str) -> tuple[bytes, tuple[str, ...]]:
    names: dict[str, int] = {}

    def place(found: re.Match[str]) -> str:
        return f"${names.setdefault(found[1], len(names) + 1)}" if found[1] else "%"

    # As in the driver, where there is no parameter nothing stands for anything else.
    return (PLACE.sub(place, text) if "%(" in text else text).encode(), tuple(names)


def question(context: AdaptContext, name: str, parameters: Mapping[str, Any] | None, *, prepares: bool) -> Question:
    """Return a named statement with its parameters, ready to be said."""
    text, names = numbered(name)
    given = [parameters[name] for name in names] if parameters else []
    return _question(context, text, [literal(one) if type(one) is list else one for one in given], prepares=prepares)


def composed(context: AdaptContext, query: sql.Composed, parameters: Mapping[str, Any]) -> Question:
    """Return a statement that names what only the user's tables know, with its parameters, ready to be said."""
    text, names = _by_number(query.as_string(context))
    return _question(context, text, [parameters[name] for name in names], prepares=False)


def _question(context: AdaptContext, text: bytes, given: Sequence[Any], *, prepares: bool) -> Question:
    if not given:
        return Question(text=text, prepares=prepares)
    writer = Transformer(context)
    values = writer.dump_sequence(given, [PyFormat.AUTO] * len(given))
    return Question(text=text, values=values, types=writer.types or (), formats=writer.formats, prepares=prepares)


def exchange(server: PGconn, questions: Sequence[Question], prepared: Prepared) -> PQGen[None]:
    """Say all of them in one message, and wait for their answers. Raises the error of the first that fails.

    None after that one is heard. What is not inside a transaction is one.
    """
    server.enter_pipeline_mode()
    asked: list[Question | Key] = []  # for each answer; a key: it is that to a PREPARE
    for one in questions:  # to a buffer: nothing is sent before the end of it
        if not one.prepares:
            server.send_query_params(one.text, one.values, param_types=one.types, param_formats=one.formats)
        else:
            key = (one.text, one.types)
            name = prepared.pop(key, None)
            if name is None:
                name = f"wave_{next(_numbers)}".encode()
                server.send_prepare(name, one.text, param_types=one.types)
                asked.append(key)
            prepared[key] = name  # the last one now
            server.send_query_prepared(name, one.values, param_formats=one.formats)
        asked.append(one)
    if len(prepared) > MOST_PREPARED:
        server.send_query_params(b"DEALLOCATE %b" % prepared.pop(next(iter(prepared))), None)
        asked.append(Question(text=b""))
    server.pipeline_sync()
    answers = yield from _answers(server)
    server.exit_pipeline_mode()
    for said, answer in zip(asked, answers, strict=True):
        if isinstance(said, Question):
            said.result = answer
        elif answer.status not in GOOD:
            prepared.pop(said, None)
    if failed := next((answer for answer in answers if answer.status not in GOOD), None):
        raise errors.error_from_result(failed)


def _answers(server: PGconn) -> PQGen[list[PGresult]]:
    """Send what is still to be sent, and read what the server answers until it has answered all."""
    while server.flush():
        if (yield Wait.RW) & Ready.R:
            server.consume_input()
    found: list[PGresult] = []
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


def rows(context: AdaptContext, one: Question) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the names of the columns that a statement has given, and its rows; nothing where it gives none."""
    assert one.result is not None, "it has been said and answered"
    if one.result.status != ExecStatus.TUPLES_OK:
        return [], []
    reader = Transformer(context)
    reader.set_pgresult(one.result)
    names = [(one.result.fname(n) or b"").decode() for n in range(one.result.nfields)]
    return names, reader.load_rows(0, one.result.ntuples, tuple)
