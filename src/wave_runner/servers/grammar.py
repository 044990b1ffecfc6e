"""Turns a JSON Schema into a grammar for llama.cpp (GBNF) that leaves no room for optional white space.

A small model that may put white space between any two tokens of JSON can spend its whole limit on tabs. The subset:

- object: properties in the schema's own order, each required or (with at least one required) not; nothing beyond them
- array of `items` with minItems and maxItems; string with minLength, maxLength and a simple `pattern`
- integer and number with bounds; boolean; null; enum and const; a list of types; anyOf
- oneOf where no value can fit two branches: each of another type, or told apart by a required const or enum

A pattern is simple if it is anchored at both ends and made of characters, classes, and `?`, `*`, `+` or `{m,n}` behind
them. What the grammar allows is always valid, with one exception: `uniqueItems` cannot be held while sampling. It may
allow less than the schema: strings are of printable ASCII unless `unicode` is set, whole numbers have up to 15 digits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import jsonschema_rs
import orjson

Schema = Mapping[str, Any]

LARGEST_WHOLE = 10**15 - 1
# llama.cpp refuses a repetition of 2000 and drops bounds above it, so longer ones are put together from parts.
LARGEST_REPEAT = 1000
LONGEST_TEXT = 20_000

# What may stand in a JSON string as it is: printable ASCII without the quote and the backslash.
PLAIN = frozenset(map(chr, range(0x20, 0x7F))) - {'"', "\\"}
CHARACTER = r'[ !#-\x5B\x5D-~] | "\\" ["\\nt]'
CHARACTER_UNICODE = r'[ !#-\x5B\x5D-~\u00A0-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF] | "\\" ["\\nt]'

_SAYS_NOTHING = {"title", "description", "$schema", "$id", "$comment", "default", "examples", "deprecated", "format"}
_KEYWORDS: Mapping[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems", "uniqueItems"},
    "string": {"minLength", "maxLength", "pattern"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "boolean": set(),
    "null": set(),
}


class _OutsideError(Exception):
    """The schema says something that this module cannot put into a grammar."""


def compact_grammar(schema: Schema, *, unicode: bool = False) -> str | None:
    """Return a grammar whose every text is valid under `schema`, or None if the schema is outside the subset.

    With `unicode`, strings without a pattern may hold any character. Leave it off for models that may produce invalid
    UTF-8, as very small ones do: the server then fails the whole answer.
    """
    try:
        root = _value(schema)
    except _OutsideError:
        return None
    return f"root ::= {root}\nchar ::= {CHARACTER_UNICODE if unicode else CHARACTER}\n"


def _value(schema: Any) -> str:
    if not isinstance(schema, Mapping):
        raise _OutsideError
    said = {name: value for name, value in schema.items() if name not in _SAYS_NOTHING}
    if "enum" in said or "const" in said:
        return _choice(schema, said)
    if "anyOf" in said or "oneOf" in said:
        return _branches(said)
    kind = said.pop("type", None)
    if isinstance(kind, list):
        return _any_of([_value({"type": one, **_only(said, one, kind)}) for one in kind])
    if kind not in _KEYWORDS or not said.keys() <= _KEYWORDS[kind]:
        raise _OutsideError
    return _TYPES[kind](said)


def _choice(schema: Schema, said: Schema) -> str:
    """Return those of the listed values that everything else in the schema allows, too."""
    values = said.get("enum", [said.get("const")])
    try:
        valid = [value for value in values if jsonschema_rs.is_valid(dict(schema), value)]
    except (jsonschema_rs.ValidationError, ValueError, TypeError) as error:
        raise _OutsideError from error
    return _any_of([_literal(orjson.dumps(value).decode()) for value in valid])


def _branches(said: Schema) -> str:
    name, *others = said
    branches = said[name]
    if others or not isinstance(branches, Sequence) or not branches:
        raise _OutsideError
    if name == "oneOf" and not all(_apart(one, other) for one, other in combinations(branches, 2)):
        raise _OutsideError
    return _any_of([_value(branch) for branch in branches])


def _apart(one: Any, other: Any) -> bool:
    """Return whether no value can fit both: another type, or other values of a property that both require."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return False
    kinds = _kinds(one), _kinds(other)
    if all(kinds) and not kinds[0] & kinds[1]:
        return True
    shared = set(one.get("required", ())) & set(other.get("required", ()))
    return kinds == ({"object"}, {"object"}) and any(
        _told_apart(one.get("properties", {}).get(name), other.get("properties", {}).get(name)) for name in shared
    )


def _kinds(schema: Schema) -> set[str]:
    kind = schema.get("type", ())
    kinds = {kind} if isinstance(kind, str) else set(kind)
    return kinds | {"integer"} if "number" in kinds else kinds  # every integer is a number


def _told_apart(one: Any, other: Any) -> bool:
    values = _listed(one), _listed(other)
    return bool(values[0] and values[1]) and values[0].isdisjoint(values[1])


def _listed(schema: Any) -> set[str]:
    """Return the texts a schema lists; numbers are left out, as 1 and 1.0 are equal and do not look so."""
    if not isinstance(schema, Mapping):
        return set()
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return set(values) if all(isinstance(value, str) for value in values) else set()


def _only(said: Schema, kind: str, kinds: Sequence[str]) -> dict[str, Any]:
    """Return the keywords that mean something for `kind`; every keyword must mean something for one of `kinds`."""
    if any(one not in _KEYWORDS for one in kinds) or not said.keys() <= set().union(*(_KEYWORDS[one] for one in kinds)):
        raise _OutsideError
    return {name: value for name, value in said.items() if name in _KEYWORDS[kind]}


def _object(said: Schema) -> str:
    properties, required = said.get("properties", {}), set(said.get("required", ()))
    if not required or not required <= properties.keys():
        raise _OutsideError  # with no member that is always there, commas depend on each other
    if isinstance(said.get("additionalProperties", False), Mapping) and not said["additionalProperties"]:
        raise _OutsideError
    members = {name: f"{_literal(orjson.dumps(name).decode() + ':')} {_value(of)}" for name, of in properties.items()}
    names = list(members)
    first = next(index for index, name in enumerate(names) if name in required)
    parts = [f'({members[name]} ",")?' for name in names[:first]]
    parts.append(members[names[first]])
    for name in names[first + 1 :]:
        part = f'"," {members[name]}'
        parts.append(part if name in required else f"({part})?")
    return f'"{{" {" ".join(parts)} "}}"'


def _array(said: Schema) -> str:
    low, high = _sizes(said, "minItems", "maxItems")
    if high is not None and low > high:
        raise _OutsideError
    if high == 0:
        return '"[]"'
    item = _value(said.get("items"))
    more = _repeat(f'("," {item})', max(0, low - 1), None if high is None else high - 1)
    return f'"[" {item} {more} "]"' if low else f'"[" ({item} {more})? "]"'


def _string(said: Schema) -> str:
    low, high = _sizes(said, "minLength", "maxLength")
    if "pattern" not in said:
        return rf'"\"" {_repeat("char", low, high)} "\""'
    atoms = _pattern(said["pattern"])
    fixed = sum(atom.low for atom in atoms if atom.low == atom.high)
    if sum(atom.low != atom.high for atom in atoms) == 1:  # then the bounds of the whole are bounds of this one
        atoms = [atom if atom.low == atom.high else atom.within(low - fixed, high and high - fixed) for atom in atoms]
    shortest, longest = sum(atom.low for atom in atoms), _total(atom.high for atom in atoms)
    if shortest < low or (high is not None and (longest is None or longest > high)):
        raise _OutsideError
    return rf'"\"" {" ".join(_repeat(atom.text, atom.low, atom.high) for atom in atoms)} "\""'


def _sizes(said: Schema, least: str, most: str) -> tuple[int, int | None]:
    """Return the bounds of a length; JSON Schema lets them be written as 1.0, too."""
    return int(said.get(least, 0)), int(said[most]) if most in said else None


def _integer(said: Schema) -> str:
    low, high = _bounds(said)
    return _any_of(_whole(low, high))


def _number(said: Schema) -> str:
    """Return whole numbers and those with up to six digits behind the point; never an exponent."""
    low, high = _bounds(said)
    least = max(said.get("minimum", -LARGEST_WHOLE), said.get("exclusiveMinimum", -LARGEST_WHOLE))
    most = min(said.get("maximum", LARGEST_WHOLE), said.get("exclusiveMaximum", LARGEST_WHOLE))
    # What follows the point is less than 1, so the last whole part is one below the bound, even an exclusive one.
    above = _whole(max(low, 0), math.floor(most) - 1)
    below = _whole(max(-high, 0), -math.ceil(least) - 1)
    if least < most and not above and not below:
        raise _OutsideError  # such as above 0 and up to 1: next to only fractions, and none of ours
    digits = '"." [0-9]{1,6}'
    fractions = [f"{_any_of(above)} {digits}"] if above else []
    fractions += [f'"-" {_any_of(below)} {digits}'] if below else []
    return _any_of([*_whole(low, high), *fractions])


_TYPES: Mapping[str, Callable[[Schema], str]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": lambda _: '("true" | "false")',
    "null": lambda _: '"null"',
}


def _bounds(said: Schema) -> tuple[int, int]:
    """Return the smallest and the largest whole number the schema allows."""
    low = max(math.ceil(said.get("minimum", -LARGEST_WHOLE)), -LARGEST_WHOLE)
    high = min(math.floor(said.get("maximum", LARGEST_WHOLE)), LARGEST_WHOLE)
    low = max(low, math.floor(said["exclusiveMinimum"]) + 1) if "exclusiveMinimum" in said else low
    high = min(high, math.ceil(said["exclusiveMaximum"]) - 1) if "exclusiveMaximum" in said else high
    return low, high


def _whole(low: int, high: int) -> list[str]:
    """Return alternatives that together are the whole numbers from `low` to `high`."""
    if low > high:
        return []
    below = [f'"-" {part}' for part in _naturals(max(1, -high), -low)] if low < 0 else []
    return below + (_naturals(max(low, 0), high) if high >= 0 else [])


def _naturals(low: int, high: int) -> list[str]:
    """Return alternatives for `low`…`high`, one for each stretch whose last digits run through all of 0 to 9."""
    parts = []
    while low <= high:
        free = 0  # digits at the end that may be anything
        while low % 10 ** (free + 1) == 0 and low > 0 and low + 10 ** (free + 1) - 1 <= high:
            free += 1
        step = 10**free
        first = low // step
        last = min(high - step + 1, (first // 10 * 10 + 9) * step) // step
        head = f'"{first // 10}" ' if first >= 10 else ""
        parts.append(f"{head}[{first % 10}-{last % 10}]" + (f" [0-9]{{{free}}}" if free else ""))
        low = (last + 1) * step
    return parts


@dataclass(frozen=True, kw_only=True)
class _Atom:
    """One character or class of a pattern, as grammar text, and how often it may stand."""

    text: str
    low: int
    high: int | None

    def within(self, low: int, high: int | None) -> _Atom:
        ends = [end for end in (self.high, high) if end is not None]
        return _Atom(text=self.text, low=max(self.low, low), high=min(ends) if ends else None)


_ATOM = re.compile(r"(\[\^?(?:\\.|[^\]\\])+\]|\\.|[^\\\[\](){}|^$*+?])(\?|\*|\+|\{\d+(?:,\d*)?\})?", re.DOTALL)
_CLASSES = {
    "d": frozenset("0123456789"),
    "w": frozenset(c for c in PLAIN if c.isalnum() or c == "_"),
    "s": frozenset(" "),
}


def _pattern(pattern: str) -> list[_Atom]:
    if not (pattern.startswith("^") and pattern.endswith("$") and len(pattern) > 1):
        raise _OutsideError
    body, position, atoms = pattern[1:-1], 0, []
    while position < len(body):
        found = _ATOM.match(body, position)
        if not found:
            raise _OutsideError
        low, high = _times(found[2])
        atoms.append(_Atom(text=_one_character(found[1]), low=low, high=high))
        position = found.end()
    return atoms


def _times(quantifier: str | None) -> tuple[int, int | None]:
    if quantifier and quantifier[0] == "{":
        low, comma, high = quantifier[1:-1].partition(",")
        return int(low), int(high) if high else None if comma else int(low)
    return {None: (1, 1), "?": (0, 1), "*": (0, None), "+": (1, None)}[quantifier]


def _one_character(atom: str) -> str:
    if atom.startswith("["):
        inside = _members(atom[2:-1] if atom[1] == "^" else atom[1:-1])
        return _set(PLAIN - inside if atom[1] == "^" else PLAIN & inside)
    if atom == ".":
        return _set(PLAIN)
    if atom[0] == "\\":
        return _set(_CLASSES[atom[1]]) if atom[1] in _CLASSES else _literal(_json_text(_unescaped(atom)))
    return _literal(_json_text(atom))


def _members(inside: str) -> frozenset[str]:
    """Return the characters of a class such as `A-Za-z0-9 .+\\-`."""
    found: set[str] = set()
    parts = re.findall(r"\\.|[^\\]", inside, re.DOTALL)
    position = 0
    while position < len(parts):
        part = parts[position]
        if part[0] == "\\" and part[1] in _CLASSES:
            found |= _CLASSES[part[1]]
        elif position + 2 < len(parts) and parts[position + 1] == "-":
            found |= set(map(chr, range(ord(_unescaped(part)), ord(_unescaped(parts[position + 2])) + 1)))
            position += 2
        else:
            found.add(_unescaped(part))
        position += 1
    return frozenset(found)


def _unescaped(part: str) -> str:
    if part[0] != "\\":
        return part
    if part[1].isalnum():  # \b, \p{L}, \x41 …: each means something else
        raise _OutsideError
    return part[1]


def _json_text(character: str) -> str:
    return orjson.dumps(character).decode()[1:-1]


def _set(characters: frozenset[str]) -> str:
    if not characters:
        raise _OutsideError
    return "[" + "".join(c if c.isalnum() else f"\\x{ord(c):02X}" for c in sorted(characters)) + "]"


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _any_of(alternatives: Sequence[str]) -> str:
    if not alternatives:
        raise _OutsideError
    return alternatives[0] if len(alternatives) == 1 else f"({' | '.join(alternatives)})"


def _repeat(what: str, low: int, high: int | None) -> str:
    """Return `what` between `low` and `high` times, in parts that llama.cpp accepts."""
    if low > (LONGEST_TEXT if high is None else min(high, LONGEST_TEXT)) or (high or 0) > LONGEST_TEXT:
        raise _OutsideError
    if (low, high) == (1, 1):
        return what
    parts = []
    while low > LARGEST_REPEAT:
        parts.append(f"{what}{{{LARGEST_REPEAT}}}")
        low -= LARGEST_REPEAT
        high = None if high is None else high - LARGEST_REPEAT
    while high is not None and high > LARGEST_REPEAT:
        part = min(low, LARGEST_REPEAT)
        parts.append(f"{what}{{{part},{LARGEST_REPEAT}}}")
        low, high = low - part, high - LARGEST_REPEAT
    parts.append(f"{what}{{{low},{'' if high is None else high}}}")
    return " ".join(parts)


def _total(highs: Iterable[int | None]) -> int | None:
    known = list(highs)
    return None if None in known else sum(high for high in known if high is not None)
