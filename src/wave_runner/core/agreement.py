"""When several people agree, and what of an answer may stand in an event.

What people choose counts: enums, booleans, numbers. What they write in words of their own does not: two people who
reject for the same reason never give it in the same words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from wave_runner.core.canonical import dumps


def chosen(answer: Any, listed: Collection[str]) -> Any:
    """Return an answer without its free texts: of the texts only those stay that the form lists word for word."""
    if isinstance(answer, Mapping):
        return {name: chosen(value, listed) for name, value in answer.items() if _is_chosen(value, listed)}
    if isinstance(answer, list):
        return [chosen(value, listed) for value in answer if _is_chosen(value, listed)]
    return answer


def agreed(answers: Sequence[Mapping[str, Any]], *, needs: int, listed: Collection[str]) -> Mapping[str, Any] | None:
    """Return the answer that `needs` people have given; None while there is none.

    `answers` are one for each person, in the order they were given. Of those that agree the last is returned: its
    writer may have seen the others.
    """
    alike: dict[bytes, int] = {}
    for answer in answers:
        key = _key(answer, listed)
        alike[key] = alike.get(key, 0) + 1
        if alike[key] == needs:
            return answer
    return None


def told(answer: Mapping[str, Any], *, fields: Collection[str], listed: Collection[str]) -> dict[str, Any]:
    """Return what an event says of an answer: the form's own fields that hold an enum, a boolean or a whole number.

    A name that is not ASCII has no one place among the sorted keys of an event, so such a field is left out.
    """
    return {
        name: value for name, value in answer.items() if name in fields and name.isascii() and _is_plain(value, listed)
    }


def _is_plain(value: Any, listed: Collection[str]) -> bool:
    if isinstance(value, int):
        return abs(value) < 2**53  # a larger one has no one form in JSON
    return isinstance(value, str) and value in listed


def _is_chosen(value: Any, listed: Collection[str]) -> bool:
    return not isinstance(value, str) or value in listed


def _key(answer: Mapping[str, Any], listed: Collection[str]) -> bytes:
    """Return what two answers are compared by; a form of free texts alone is compared as a whole."""
    return dumps(_sorted(chosen(answer, listed) or answer))


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
