"""JSON at our borders: read strictly, written so that PostgreSQL can store it, and one canonical form to hash.

`parse_json` is for bytes that a program or a model produced, `dumps` for values that travel or are stored,
`canonical` for values whose bytes are hashed: equal values give equal bytes, on every machine and in every version.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, NoReturn

import orjson

MAX_DEPTH = 200
"""Levels of nesting that we read. orjson writes 254, so whatever was read can be written again, wrapped in ours."""

_INT64 = range(-(2**63), 2**64)
_FEW = 10_000  # leaves of a value that is looked through the quick way


class JsonError(ValueError):
    """A text is not JSON as we take it, or a value has no JSON that we can store. `rule` is what reports group by.

    `invalid_json`: the text is not one JSON document. `duplicate_key`: it is, and an object in it has a key twice, so
    that its meaning depends on who reads it. `unserialisable`: the value holds something that JSON does not know.
    `unstorable_text`: a text holds NUL or half a surrogate pair, which PostgreSQL cannot store.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class _DuplicateKey(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def parse_json(data: bytes) -> Any:
    """Return the one JSON document in `data`; raise `JsonError` with the position of what is wrong.

    Stricter than the standard in four places, because a lenient reader would silently change the data: no duplicate
    keys, no numbers that do not fit 64 bits (integers) or a double, no byte order mark, at most `MAX_DEPTH` levels.
    A text may hold NUL or a lone surrogate, which is valid JSON; `dumps` refuses to write it.
    """
    try:
        return _read(data, _DECODER)
    except _DuplicateKey as twice:
        _read(data, _LENIENT_DECODER)  # what is no JSON at all is called that
        raise JsonError("duplicate_key", f"has the key {twice.key!a} twice in one object") from None


def _read(data: bytes, decoder: json.JSONDecoder) -> Any:
    if data.startswith(b"\xef\xbb\xbf"):
        raise JsonError("invalid_json", "begins with a byte order mark; write plain UTF-8")
    try:
        value = decoder.decode(data.decode())
    except UnicodeDecodeError as error:
        raise JsonError("invalid_json", f"is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno} (character {error.pos})"
        raise JsonError("invalid_json", f"is not JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise _too_deep() from None
    if _depth(value) > MAX_DEPTH:
        raise _too_deep()
    return value


def dumps(value: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """Return compact JSON that PostgreSQL can store, or raise `JsonError` naming the place of what it cannot.

    Dates, times, UUIDs, enums and dataclasses become their ISO text, value or object; `default` turns other types
    into one of these. Keys must be texts. NaN and Infinity are refused: JSON would silently make them null.
    """
    return _encode(value, default, 0)


def canonical(value: Any) -> bytes:
    """Return the one byte form of `value`: keys sorted by code point, no spaces, UTF-8.

    Holds null, booleans, integers of 53 bits, texts, lists and objects with ASCII keys: on these it is RFC 8785. Floats
    are refused, because two programs may write the same one differently, and so are integers that a double rounds.
    """
    if not _is_plain(value):
        _say_why_not(value)
    return _encode(value, None, orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)


def _say_why_not(value: Any) -> None:
    for path, leaf in _leaves(value):
        if leaf is not None and type(leaf) not in (bool, int, str):
            raise JsonError("unserialisable", f"{path or 'the value'} is a {type(leaf).__name__}; it has no one form")
        if path.startswith("a key of ") and not str(leaf).isascii():
            raise JsonError("unserialisable", f"{path} is not ASCII; readers sort such keys differently")


def _encode(value: Any, default: Callable[[Any], Any] | None, option: int) -> bytes:
    try:
        data = orjson.dumps(value, default=default, option=option)
    except orjson.JSONEncodeError as error:
        _refuse(value, _has_surrogate, "unstorable_text", "holds half a surrogate pair, which UTF-8 cannot encode")
        raise JsonError("unserialisable", str(error)) from error
    # Both searches are over bytes and almost always answer no; only a hit pays for the walk through the value.
    if b"null" in data and not _is_plain(value):
        _refuse(value, _is_nonfinite, "unserialisable", "is NaN or infinite, which JSON does not know")
    if b"\\u0000" in data:
        _refuse(orjson.loads(data), _has_nul, "unstorable_text", "holds a NUL character, which PostgreSQL cannot store")
    return data


def _is_plain(value: Any) -> bool:
    """Say whether a value is made of nothing but null, booleans, integers, texts, lists and objects with ASCII keys.

    Almost all are, and this costs little. Of any other, or a large one, the walk that knows the paths has to say more.
    """
    waiting = [value]
    for item in waiting:
        kind = type(item)
        if kind is dict:
            for key in item:  # by hand, as `all` of a generator takes twice as long
                if type(key) is not str or not key.isascii():
                    return False
            waiting += item.values()
        elif kind is list:
            waiting += item
        elif item is not None and kind is not str and kind is not int and kind is not bool:
            return False
        if len(waiting) > _FEW:  # it may hold itself
            return False
    return True


def _too_deep() -> JsonError:
    return JsonError("invalid_json", f"is nested deeper than {MAX_DEPTH} levels")


def _refuse(value: Any, is_wrong: Callable[[Any], bool], rule: str, message: str) -> None:
    for path, leaf in _leaves(value):
        if is_wrong(leaf):
            raise JsonError(rule, f"{path or 'the value'} {message}")


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every key and every value that is no list or object, with its place. Ends for recursive values too."""
    waiting = [(path, value, 0)]
    while waiting:
        path, value, depth = waiting.pop()
        if depth > MAX_DEPTH + 50:
            continue
        if isinstance(value, dict):
            waiting.extend((_member(path, key), item, depth + 1) for key, item in value.items())
            yield from ((f"a key of {path or 'the value'}", key) for key in value)
        elif isinstance(value, list | tuple):
            waiting.extend((f"{path}[{index}]", item, depth + 1) for index, item in enumerate(value))
        elif is_dataclass(value):
            waiting.extend((_member(path, one.name), getattr(value, one.name), depth + 1) for one in fields(value))
        else:
            yield path, value


def _member(path: str, key: Any) -> str:
    name = key if isinstance(key, str) and key.isidentifier() else ascii(key)
    return f"{path}.{name}" if path else name


def _is_nonfinite(leaf: Any) -> bool:
    return isinstance(leaf, float) and not math.isfinite(leaf)


def _has_nul(leaf: Any) -> bool:
    return isinstance(leaf, str) and "\x00" in leaf


def _has_surrogate(leaf: Any) -> bool:
    return isinstance(leaf, str) and any("\ud800" <= character <= "\udfff" for character in leaf)


def _depth(value: Any) -> int:
    deepest = 0
    waiting = [(value, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            deepest = max(deepest, depth)
            waiting.extend((item, depth + 1) for item in (value.values() if isinstance(value, dict) else value))
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add() is None
        raise _DuplicateKey(twice)
    return result


def _no_constant(name: str) -> NoReturn:
    raise JsonError("invalid_json", f"holds {name}, which is not JSON")


def _integer(text: str) -> int:
    if len(text) > 20 or int(text) not in _INT64:
        raise JsonError("invalid_json", f"holds an integer that does not fit 64 bits: {text[:24]}")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JsonError("invalid_json", f"holds a number out of range: {text[:24]}")
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_integer, parse_float=_float
)
_LENIENT_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_int=_integer, parse_float=_float)
