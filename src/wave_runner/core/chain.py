"""Whether a chain of events is whole: every cause there and before its effect, no number missing, no text changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Place = tuple[int, int]
"""An event's address: its interaction and its number there."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """One event as it is stored. `data` is its verbatim text, `sha256` the hash that was written with it."""

    event_id: int
    interaction_id: int
    seq: int
    cause: Place | None
    data: str
    sha256: bytes


@dataclass(frozen=True, kw_only=True)
class Line:
    """One interaction as its own row describes it: how many events it has, and which event created it."""

    interaction_id: int
    newest: int
    parent: Place | None


@dataclass(frozen=True, kw_only=True)
class Break:
    """One place where the chain does not hold. `event_id` is 0 where the event itself is missing."""

    rule: str
    event_id: int
    message: str


def check(links: Sequence[Link], lines: Sequence[Line]) -> list[Break]:
    """Return every break of a chain; an empty list means that it is unbroken.

    `lines` says which interactions the chain runs through. That a missing event is noticed at the end of an
    interaction too is why they are asked: their rows count the events independently.
    """
    if not links:
        return [Break(rule="empty", event_id=0, message="there is no event")]
    at = {(link.interaction_id, link.seq): link for link in links}
    return [
        *_missing(at, lines),
        *(found for link in links for found in _altered(link)),
        *(found for link in links for found in _uncaused(link, at, {line.interaction_id: line for line in lines})),
    ]


def _missing(at: Mapping[Place, Link], lines: Sequence[Line]) -> Iterator[Break]:
    for line in lines:
        for seq in range(1, line.newest + 1):
            if (line.interaction_id, seq) not in at:
                message = f"event {seq} of {line.newest} of interaction {line.interaction_id} is missing"
                yield Break(rule="missing", event_id=0, message=message)


def _altered(link: Link) -> Iterator[Break]:
    if hashlib.sha256(link.data.encode()).digest() != link.sha256:
        message = f"the data of event {link.event_id} is not what its SHA-256 says"
        yield Break(rule="altered", event_id=link.event_id, message=message)


def _uncaused(link: Link, at: Mapping[Place, Link], lines: Mapping[int, Line]) -> Iterator[Break]:
    """Compare an event's cause with the only one it can have: the event before it, or the one that created it."""
    line = lines.get(link.interaction_id)
    if line is None or not 1 <= link.seq <= line.newest:
        message = (
            f"event {link.event_id} has number {link.seq} of interaction {link.interaction_id}, which has none such"
        )
        yield Break(rule="unknown", event_id=link.event_id, message=message)
        return
    expected = line.parent if link.seq == 1 else (link.interaction_id, link.seq - 1)
    if link.cause != expected:
        message = f"event {link.event_id} names {_place(link.cause)} as its cause; it is {_place(expected)}"
        yield Break(rule="wrong_cause", event_id=link.event_id, message=message)
    elif expected is not None and expected not in at:
        message = f"the cause of event {link.event_id}, {_place(expected)}, does not exist"
        yield Break(rule="missing_cause", event_id=link.event_id, message=message)
    elif expected is not None and at[expected].event_id >= link.event_id:
        message = f"event {link.event_id} is older than its cause, {_place(expected)}"
        yield Break(rule="before_its_cause", event_id=link.event_id, message=message)


def _place(place: Place | None) -> str:
    return "nothing" if place is None else f"event {place[1]} of interaction {place[0]}"
