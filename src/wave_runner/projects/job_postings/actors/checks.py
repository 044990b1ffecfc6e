"""What makes a raw row a posting: `check` gives its clean values, or every reason why it has none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from .cleaning import clean

SHORTEST_DESCRIPTION = 100  # characters, clean; with less, a model invents the job
POSTING_TYPES = ("External", "Internal")
SALARY_FREQUENCIES = ("Annual", "Daily", "Hourly")

LONGEST_IDENTIFIER = 100  # characters; a key must fit into an index row

_PLACEHOLDERS = frozenset(
    {"none", "null", "nil", "nan", "n/a", "na", "n.a", "tbd", "tba", "undefined", "unknown", "not available", "test"}
)
_UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")
_NO_DATE = date(1900, 1, 1)  # stands for "none" in one of the city's exports
_YEARS = range(1990, 2101)  # a posting outside them has a typing error

Error = dict[str, str]
"""One reason for a rejection: {"rule", "field", "message"}."""


@dataclass(frozen=True)
class Accepted:
    """A row that is a posting: its values by column of `postings`."""

    values: Mapping[str, Any]

    @property
    def key(self) -> str:
        return f"{self.values['job_id']}/{self.values['posting_type']}"


@dataclass(frozen=True)
class Refused:
    """A row that is none: all its errors, never empty; and which posting it speaks of, where that can be read."""

    errors: list[Error]
    key: str | None = None


@dataclass
class _Reader:
    """Reads fields of one row and gathers what is wrong with them. A wrong field reads as None."""

    row: Mapping[str, Any]
    errors: list[Error] = field(default_factory=list)

    def complain(self, rule: str, name: str, message: str) -> None:
        self.errors.append({"rule": rule, "field": name, "message": message})


def check(raw: Any) -> Accepted | Refused:
    """Check one staged row. Rules run in a fixed order; the first that a field breaks is the one recorded for it."""
    if isinstance(raw, str):
        return Refused([_error("invalid_json", "", f"the line is no JSON: {shown(raw)}")])
    if not isinstance(raw, dict):
        return Refused([_error("not_an_object", "", f"a row must be an object, this is {shown(raw)}")])
    if unstorable := unstorable_fields(raw):
        return Refused(
            [
                _error("unstorable_text", name, "holds a NUL byte or a lone surrogate, which no text column can store")
                for name in unstorable
            ]
        )
    reader = _Reader(raw)
    found = Accepted(_values(reader))
    if not reader.errors:
        return found
    return Refused(reader.errors, found.key if found.values["job_id"] and found.values["posting_type"] else None)


def _values(reader: _Reader) -> dict[str, Any]:
    latitude, longitude = _coordinates(reader)
    return {
        "job_id": _identifier(reader, "job_id"),
        "posting_type": _one_of(reader, "posting_type", POSTING_TYPES, _required),
        "title": _required(reader, "business_title"),
        "agency": _required(reader, "agency"),
        "description": _description(reader),
        "source_id": _optional(reader, "id"),
        "civil_service_title": _optional(reader, "civil_service_title"),
        "title_code": _optional(reader, "title_code_no"),
        "level": _optional(reader, "level"),
        "positions": _count(reader, "num_of_positions"),
        **_salary(reader),
        "work_location": _optional(reader, "work_location"),
        "division": _optional(reader, "division_work_unit"),
        "minimum_qualifications": _optional(reader, "minimum_qual_requirements"),
        "preferred_skills": _optional(reader, "preferred_skills"),
        "additional_information": _optional(reader, "additional_information"),
        "how_to_apply": _optional(reader, "to_apply"),
        "hours_per_shift": _optional(reader, "hours_per_shift"),
        "residency": _optional(reader, "residency_requirement"),
        "posted_at": _date(reader, "posting_date"),
        "open_until": _date(reader, "post_until"),
        "updated_at": _date(reader, "posting_updated"),
        "processed_at": _date(reader, "process_date"),
        "latitude": latitude,
        "longitude": longitude,
    }


def _error(rule: str, name: str, message: str) -> Error:
    return {"rule": rule, "field": name, "message": message}


def shown(value: Any) -> str:
    """Return `value` short and in ASCII, so that a message about hostile text is no hostile text."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def unstorable_fields(row: Mapping[str, Any]) -> list[str]:
    """Name the fields that hold text PostgreSQL cannot store, at any depth, in names too; the names made printable."""
    return [ascii(name)[1:-1] for name, value in row.items() if _is_unstorable(name) or _is_unstorable(value)]


def _is_unstorable(value: Any) -> bool:
    waiting = [value]  # a list and no recursion: a hostile row may be nested deeper than Python can call
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str) and _UNSTORABLE.search(inner):
            return True
        if isinstance(inner, dict):
            waiting += [*inner.keys(), *inner.values()]
        elif isinstance(inner, list):
            waiting += inner
    return False


def _required(reader: _Reader, name: str) -> str | None:
    """Read a text that must be there: not null, not blank, not a word that stands for nothing."""
    value = reader.row.get(name)
    if value is None:
        reader.complain("null_input", name, f"{name} is missing")
        return None
    text = _text(reader, name, value)
    if text is None:
        return None
    if not text:
        reader.complain("empty", name, f"{name} is empty")
        return None
    if is_placeholder(text):
        reader.complain("placeholder", name, f"{name} is the placeholder {shown(text)}")
        return None
    return text


def _identifier(reader: _Reader, name: str) -> str | None:
    text = _required(reader, name)
    if text is not None and len(text) > LONGEST_IDENTIFIER:
        reader.complain("too_long", name, f"{name} has {len(text)} characters, {LONGEST_IDENTIFIER} are allowed")
        return None
    return text


def is_placeholder(text: str) -> bool:
    """Whether `text` is a word that stands for nothing, or has no letter and no digit."""
    return text.casefold().strip(" .-_()[]<>\"'") in _PLACEHOLDERS or not any(char.isalnum() for char in text)


def _description(reader: _Reader) -> str | None:
    text = _required(reader, "job_description")
    if text is not None and len(text) < SHORTEST_DESCRIPTION:
        message = f"job_description has {len(text)} characters, {SHORTEST_DESCRIPTION} are needed"
        reader.complain("too_short", "job_description", message)
        return None
    return text


def _optional(reader: _Reader, name: str) -> str | None:
    value = reader.row.get(name)
    return None if value is None else _text(reader, name, value) or None


def _text(reader: _Reader, name: str, value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # some exports write identifiers as numbers
    if not isinstance(value, str):
        reader.complain("not_a_text", name, f"{name} must be a text, this is {shown(value)}")
        return None
    return clean(value)


def _one_of(
    reader: _Reader, name: str, allowed: tuple[str, ...], read: Callable[[_Reader, str], str | None]
) -> str | None:
    text = read(reader, name)
    if text is None:
        return None
    for value in allowed:
        if value.casefold() == text.casefold():
            return value
    reader.complain("unknown_value", name, f"{name} is {shown(text)}, expected one of {', '.join(allowed)}")
    return None


def _number(reader: _Reader, name: str) -> float | int | None:
    value = reader.row.get(name)
    if isinstance(value, str):
        value = _plain_number(value)
    if value is None or value == "":
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9:
        reader.complain("bad_number", name, f"{name} is no usable number: {shown(reader.row[name])}")
        return None
    return value


def _plain_number(text: str) -> float | int | str:
    """Read `$56,937.50`; a text that is no number comes back as it is."""
    bare = text.strip()
    if not re.fullmatch(r"\$?\d{1,3}(,\d{3})*(\.\d+)?|\$?\d+(\.\d+)?", bare, re.ASCII):
        return bare
    digits = bare.removeprefix("$").replace(",", "")
    # Longer ones are too large for every field; Python refuses to read an int of more than 4,300 digits.
    return int(digits) if digits.isdecimal() and len(digits) < 20 else float(digits)


def _count(reader: _Reader, name: str) -> int | None:
    value = _number(reader, name)
    if value is None:
        return None
    if value != int(value) or not 1 <= value <= 100_000:
        reader.complain("bad_number", name, f"{name} must be a whole number from 1 to 100000, this is {shown(value)}")
        return None
    return int(value)


def _salary(reader: _Reader) -> dict[str, Any]:
    low, high = _number(reader, "salary_range_from"), _number(reader, "salary_range_to")
    if low is not None and high is not None and low > high:
        reader.complain("salary_range", "salary_range_from", f"the salary goes from {low} down to {high}")
    frequency = _one_of(reader, "salary_frequency", SALARY_FREQUENCIES, _optional)
    return {"salary_from": low, "salary_to": high, "salary_frequency": frequency}


def _date(reader: _Reader, name: str) -> str | None:
    """Read a date as ISO 8601 in UTC. One without a zone is taken as UTC; 1900-01-01 stands for none."""
    value = reader.row.get(name)
    if value is None or value == "":
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (AttributeError, ValueError, OverflowError):
        reader.complain("bad_date", name, f"{name} is no ISO 8601 date: {shown(value)}")
        return None
    if moment.date() == _NO_DATE:
        return None
    if moment.year not in _YEARS:
        reader.complain("bad_date", name, f"{name} is in the year {moment.year}")
        return None
    return moment.isoformat()


def _coordinates(reader: _Reader) -> tuple[float | None, float | None]:
    """Read a GeoJSON point as (latitude, longitude); (None, None) where there is none.

    One of the city's exports has the two swapped. New York lies north and west of zero, so the signs tell.
    """
    point = reader.row.get("geo_location")
    numbers = point.get("coordinates") if isinstance(point, dict) else None
    if not isinstance(numbers, list) or len(numbers) != 2 or not all(_is_degrees(number) for number in numbers):
        return None, None
    longitude, latitude = (float(number) for number in numbers)
    if longitude > 0 > latitude:
        longitude, latitude = latitude, longitude
    inside = -90 <= latitude <= 90
    return (latitude, longitude) if inside and (latitude, longitude) != (0.0, 0.0) else (None, None)


def _is_degrees(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -180 <= value <= 180
