"""One file of definitions as it was read: plain data, and the line that each part of it stands on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wave_runner.core import byte_size, duration
from wave_runner.core.nearest import did_you_mean
from wave_runner.errors import ProjectError

At = tuple[str | int, ...]
"""Where something stands in a file: ("steps", "fetch", "input")."""


@dataclass(frozen=True)
class Document:
    """A file's data. `lines` are 1-based, by place; a place without a line of its own has its parent's."""

    path: Path
    data: dict[str, Any]
    lines: Mapping[At, int]

    def line(self, at: At) -> int:
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)

    def error(self, at: At, message: str, hint: str = "", *, rule: str = "bad_value") -> ProjectError:
        return ProjectError(message, path=self.path, line=self.line(at), hint=hint, rule=rule)

    def section(self, *at: str | int) -> Section:
        """Return the keys under a place, which must be a mapping; the empty section where there is nothing."""
        value: Any = self.data
        for part in at:
            value = _member(value, part)
        if not isinstance(value, dict):
            raise self.error(at, f"{named(at)} must be keys with values, not {kind(value)}", rule="wrong_type")
        for key in value:
            if not isinstance(key, str):
                raise self.error((*at, key), f"the key {key!r} must be a text; put it in quotes")
        return Section(self, at, value)


def _member(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part, {})
    return value[part] if isinstance(value, list) and isinstance(part, int) else value


@dataclass(frozen=True)
class Section:
    """One mapping of a document. Each reader returns a value of the right type or raises with the line."""

    document: Document
    at: At
    data: dict[str, Any]

    def only(self, known: Iterable[str]) -> Section:
        """Refuse every key that is not known here."""
        names = list(known)
        for key in self.data:
            if key not in names:
                hint = did_you_mean(key, names)
                raise self.error(f"unknown key `{key}` in {named(self.at)}", key, hint=hint, rule="unknown_key")
        return self

    def error(self, message: str, *under: str | int, hint: str = "", rule: str = "bad_value") -> ProjectError:
        return self.document.error((*self.at, *under), message, hint, rule=rule)

    def section(self, key: str) -> Section:
        return self.document.section(*self.at, key)

    def sections(self, key: str) -> dict[str, Section]:
        """Return the sections under a key by name: `[models.judge]`, or the steps of a workflow."""
        outer = self.section(key)
        return {name: outer.section(name) for name in outer.data}

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key, default)
        if not isinstance(value, str):
            raise self._wrong(key, "a text", value)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; one text stands for a list of one, nothing for the empty list."""
        value = self.data.get(key, [])
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "a text or a list of texts", value)
        return tuple(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def whole(self, key: str, default: int | None = None, *, most: int = 1_000_000_000) -> int:
        """Return a whole number from 1 to `most`."""
        value = self._get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self._wrong(key, "a whole number of at least 1", value)
        if value > most:
            raise self._wrong(key, f"a whole number of at most {most:,}", value)
        return value

    def integer(self, key: str, default: int) -> int:
        """Return a whole number, which may be negative."""
        value = self._get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 1_000_000:
            raise self._wrong(key, "a whole number", value)
        return value

    def duration(self, key: str) -> float:
        """Return the seconds of a time such as `90s`, `30m`, `4h` or `2d`."""
        value = self._get(key, None)
        seconds = duration.read(value) if isinstance(value, str) else None
        if seconds is None:
            raise self._wrong(key, "a time such as 30m, 4h or 2d", value)
        return seconds

    def seconds(self, key: str, default: float | None = None) -> float:
        """Return a number above 0."""
        value = self._get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e7:
            raise self._wrong(key, "a number of seconds above 0", value)
        return float(value)

    def number(self, key: str, *, most: float = 1e9) -> float:
        """Return a number from 0 to `most`."""
        value = self._get(key, None)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
            raise self._wrong(key, f"a number from 0 to {most:,.15g}", value)
        return float(value)

    def share(self, key: str) -> float:
        """Return a part of a whole, from 0 to 1."""
        value = self._get(key, None)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
            raise self._wrong(key, "a share from 0 to 1, such as 0.05 for five percent", value)
        return float(value)

    def size(self, key: str) -> int:
        """Return a number of bytes: a whole number, or a text such as `6 GiB`."""
        value = self._get(key, None)
        if isinstance(value, int):
            return self.whole(key, most=byte_size.LARGEST)
        size = byte_size.read(value) if isinstance(value, str) else None
        if size is None:
            raise self._wrong(key, "a number of bytes such as 6 GiB or 800 MiB", value)
        return size

    def _get(self, key: str, default: Any) -> Any:
        if key not in self.data and default is None:
            raise self.error(f"{named(self.at)} needs `{key}`", rule="missing_key")
        return self.data.get(key, default)

    def _wrong(self, key: str, wanted: str, value: Any) -> ProjectError:
        return self.error(f"`{key}` in {named(self.at)} must be {wanted}, not {kind(value)}", key, rule="wrong_type")


def named(at: At) -> str:
    """Return a place as a person writes it: `steps.fetch.input`, or "the file" for the top."""
    return f"`{'.'.join(map(str, at))}`" if at else "the file"


def kind(value: Any) -> str:
    """Return what a value is, for a message."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return f"{value!r:.60}"
        case list():
            return "a list"
        case dict():
            return "keys with values"
        case _:
            return f"a {type(value).__name__}"
