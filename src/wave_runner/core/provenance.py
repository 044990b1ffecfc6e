"""Where a value comes from: which column is meant, whose outputs a step was given, what a request has asked.

Decided from what is recorded alone: the pinned step says where each input may come from, its ancestors' outputs say
which of them existed, and commitments say whether a text is the one that an event speaks of.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wave_runner.core.chain import Link
from wave_runner.core.event import commitment
from wave_runner.core.settling import ALL_ROWS
from wave_runner.core.workflow import CollectionSpec, InputRef, Step

OWN_SCOPES = frozenset({"params", "run", "record", "item"})
"""What an input may come from besides the outputs of earlier steps."""


class Standing(enum.StrEnum):
    """How the value in the table stands to the one that was written last."""

    AS_WRITTEN = "as written"
    CHANGED_OUTSIDE = "changed outside"  # somebody else has written there since
    ROW_GONE = "row gone"  # the record has no row in the table any more
    ERASED = "erased"  # what was written is erased, so there is nothing to compare with
    INVALIDATED = "invalidated"  # as written, and somebody has found it wrong since
    SUPERSEDED = "superseded"  # as written, and it is being redone: what comes of that is not there yet


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of one of a project's tables; `ALL_ROWS` for a table that is named without one."""

    table: str
    column: str
    collections: tuple[str, ...]  # that have it


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Where one input came from: `source` as the step names it, and the interactions whose output it is part of.

    `column` is the column of the record that was read, "" where none was.
    """

    name: str
    source: str
    column: str
    interaction_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Ancestor:
    """An earlier step on an interaction's own line, with its output (None: it has none)."""

    interaction_id: int
    step: str
    item: int
    output: Any


def column_of(name: str, collections: Mapping[str, CollectionSpec]) -> Column | None:
    """Return what `TABLE.COLUMN` or `TABLE` names in a project; None if none of its collections has such a table."""
    tables = {table for one in collections.values() for table in (one.table, *one.rows)}
    above, _, last = name.rpartition(".")
    table, column = (name, ALL_ROWS) if name in tables else (above, last)
    having = tuple(sorted(one.name for one in collections.values() if table in (one.table, *one.rows)))
    return Column(table=table, column=column, collections=having) if having else None


def taken(step: Step, ancestors: Sequence[Ancestor]) -> list[Taken]:
    """Return where each input of a step came from: the first of its sources that exists. `ancestors`: nearest first."""
    by_step: dict[str, list[Ancestor]] = {}
    for one in ancestors:
        by_step.setdefault(one.step, []).append(one)
    return [_taken(name, ref, by_step) for name, ref in step.input.items()]


def _taken(name: str, ref: InputRef, by_step: Mapping[str, list[Ancestor]]) -> Taken:
    for source in ref.sources:
        scope, _, path = source.partition(".")
        if scope in OWN_SCOPES:
            column = path.partition(".")[0] if scope == "record" else ""
            return Taken(name=name, source=source, column=column, interaction_ids=())
        having = [one for one in by_step.get(scope, []) if _has(one.output, path)]
        if having:
            return Taken(name=name, source=source, column="", interaction_ids=_newest_of_each_item(having))
    return Taken(name=name, source=" or ".join(ref.sources), column="", interaction_ids=())


def _has(output: Any, path: str) -> bool:
    return not path or (isinstance(output, Mapping) and path.partition(".")[0] in output)


def _newest_of_each_item(having: Sequence[Ancestor]) -> tuple[int, ...]:
    """Of a step that was done once in each round the newest; of one done once for each item of a list, all of these."""
    newest: dict[int, int] = {}
    for one in having:
        newest.setdefault(one.item, one.interaction_id)
    return tuple(newest.values())


def prompt_of(request: str) -> str | None:
    """Return the prompt that a request to a model holds; None where it holds none that we know of."""
    try:
        said = json.loads(request)
    except ValueError:
        return None
    if not isinstance(said, Mapping):
        return None
    if isinstance(said.get("prompt"), str):
        return str(said["prompt"])
    messages = said.get("messages")
    texts = [one.get("content") for one in messages if isinstance(one, Mapping)] if isinstance(messages, list) else []
    return "\n\n".join(text for text in texts if isinstance(text, str)) or None


def unproven(
    data: Mapping[str, Any], name: str, nonce: bytes | None, content: bytes | None, *, of: str
) -> Iterator[str]:
    """Yield why a stored content is not shown to be what its event committed to under `name`."""
    if content is None or nonce is None:
        yield f"the {name} of {of} is not stored any more"
    elif data.get(name) is None:
        yield f"no event of {of} commits to its {name}"
    elif data[name] != commitment(nonce, content):
        yield f"the {name} of {of} is not what its event has committed to"


def unproven_evidence(data: Mapping[str, Any], role: str, nonce: bytes, content: bytes, *, of: str) -> Iterator[str]:
    """Yield why a piece of evidence is not shown to be what the event committed to."""
    committed = {one.get("c") for one in data.get("payloads", ()) if one.get("role") == role}
    if commitment(nonce, content) not in committed:
        yield f"the {role} of {of} is not what its event has committed to"


def broken_causes(links: Sequence[Link]) -> Iterator[str]:
    """Yield where a chain of causes, the first one first, does not hold: it must begin with what nothing has caused."""
    if not links:
        yield "the event that recorded the write is not there"
        return
    if links[0].cause is not None:
        yield f"the cause of {_place(links[0])}, {links[0].cause[0]}.{links[0].cause[1]}, is not there"
    for link in links:
        if hashlib.sha256(link.data.encode()).digest() != link.sha256:
            yield f"the data of {_place(link)} is not what its SHA-256 says"


def _place(link: Link) -> str:
    return f"event {link.interaction_id}.{link.seq}"
