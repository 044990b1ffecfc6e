"""Text hygiene: what PostgreSQL cannot store, and how long a text may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# What turns the reading order around and does not stand for anything, and letters that have no form.
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")


def unstorable(value: Any) -> str | None:
    """Return the path (`$.a[0]`) of a text, keys included, that holds NUL or a lone surrogate; None if all is well."""
    # A stack and not recursion: a value may be nested deeper than Python's own limit.
    waiting: list[tuple[str, Any]] = [("$", value)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, str):
            if _UNSTORABLE.search(item):
                return path
        elif isinstance(item, Mapping):
            waiting += [(_below(path, f".{_shown(key)}"), key) for key in item]
            waiting += [(_below(path, f".{_shown(key)}"), member) for key, member in item.items()]
        elif isinstance(item, list | tuple):
            waiting += [(_below(path, f"[{index}]"), member) for index, member in enumerate(item)]
    return None


def sanitise(text: str) -> tuple[str, bool]:
    """Return the text with each NUL and lone surrogate as U+FFFD, and whether that changed anything."""
    clean, count = _UNSTORABLE.subn("�", text)
    return clean, count > 0


def seen(text: str) -> str:
    """Return the text without the characters by which a reader is shown another text than a model is given."""
    return _UNSEEN.sub("", text)


def cut(text: str, max_chars: int) -> tuple[str, int | None]:
    """Return the first `max_chars` characters, and the length before if anything was cut off."""
    return (text, None) if len(text) <= max_chars else (text[:max_chars], len(text))


def _below(path: str, part: str) -> str:
    """Return the longer path, up to a length that a message can bear: a deep value must not cost square time."""
    return path + part if len(path) < 200 else path


def _shown(key: Any) -> str:
    """Return a key as it may stand in a message, which must be storable itself."""
    return sanitise(str(key))[0][:60]
