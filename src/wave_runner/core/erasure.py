"""Erasures: who may agree to one, what a record is called afterwards, and how events name what is gone."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar
from uuid import UUID

AT_ONCE = 200
"""So many commitments are named by one event: 13 KB of the 16 that it may have."""

PAYLOADS = ("request", "answer", "server", "log", "error", "before")
INTERACTION, STAGED = "interaction", "staged"
CLASSES = (*PAYLOADS, INTERACTION, STAGED)
"""What is kept has a class, and each class may be kept so many days: roles of payloads, what interactions were given
and have given, and staged rows."""
BY_RULE = "wave.toml"
"""Who asks for what is old to go: the rule that the project has declared. A person agrees by applying it."""

Place = TypeVar("Place", bound=Hashable)


def same_person(one: str, other: str) -> bool:
    """Say whether two names are one person's: they differ in blanks and capitals at most."""
    return one.strip().casefold() == other.strip().casefold()


def erased_key(erasure_id: UUID) -> str:
    """Return what a record is called once it is erased: nothing in it says what it was called before."""
    return f"erased-{erasure_id}"


def batches(named: Iterable[tuple[Place, str]]) -> Iterator[tuple[Place, list[str]]]:
    """Yield commitments by their place, sorted, in lists that an event can hold."""
    by_place: dict[Place, set[str]] = {}
    for place, commitment in named:
        by_place.setdefault(place, set()).add(commitment)
    for place, commitments in by_place.items():
        ordered = sorted(commitments)
        for first in range(0, len(ordered), AT_ONCE):
            yield place, ordered[first : first + AT_ONCE]
