"""Reads the part of llama.cpp's grammar notation that we write, and makes random texts from it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Maker = Callable[[random.Random], str]

MOST_REPEATS = 6  # beyond the lowest number, where a repetition is open or wide

_TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|[()|?*+]|[a-z]+)')
_ESCAPES = {"n": "\n", "t": "\t"}


class Grammar:
    """A grammar; `sample` makes one of its texts."""

    def __init__(self, text: str) -> None:
        self._rules: dict[str, Maker] = {}
        for line in text.strip().splitlines():
            name, _, body = line.partition(" ::= ")
            self._tokens = _tokens(body)
            self._rules[name] = self._alternatives()
            assert not self._tokens, f"left over in {name}: {self._tokens}"

    def sample(self, rng: random.Random) -> str:
        return self._rules["root"](rng)

    def _alternatives(self) -> Maker:
        choices = [self._sequence()]
        while self._tokens and self._tokens[0] == "|":
            self._tokens.pop(0)
            choices.append(self._sequence())
        return lambda rng: rng.choice(choices)(rng)

    def _sequence(self) -> Maker:
        parts: list[Maker] = []
        while self._tokens and self._tokens[0] not in {"|", ")"}:
            parts.append(self._repeated(self._atom()))
        return lambda rng: "".join(part(rng) for part in parts)

    def _repeated(self, atom: Maker) -> Maker:
        if not self._tokens or (self._tokens[0] not in {"?", "*", "+"} and self._tokens[0][0] != "{"):
            return atom
        low, high = _times(self._tokens.pop(0))
        most = low + MOST_REPEATS if high is None else high

        def make(rng: random.Random) -> str:
            count = rng.choice([low, most, rng.randint(low, min(most, low + MOST_REPEATS))])
            return "".join(atom(rng) for _ in range(count))

        return make

    def _atom(self) -> Maker:
        token = self._tokens.pop(0)
        if token == "(":
            inside = self._alternatives()
            assert self._tokens.pop(0) == ")"
            return inside
        if token[0] == '"':
            literal = _unescape(token[1:-1])
            return lambda rng: literal
        if token[0] == "[":
            members = _members(token[1:-1])
            return lambda rng: rng.choice(members)
        return lambda rng: self._rules[token](rng)


def _tokens(body: str) -> list[str]:
    found, position = [], 0
    while position < len(body.rstrip()):
        token = _TOKEN.match(body, position)
        assert token, f"cannot read {body[position:]!r}"
        found.append(token[1])
        position = token.end()
    return found


def _times(token: str) -> tuple[int, int | None]:
    if token[0] == "{":
        low, comma, high = token[1:-1].partition(",")
        return int(low), int(high) if high else None if comma else int(low)
    return {"?": (0, 1), "*": (0, None), "+": (1, None)}[token]


def _characters(text: str) -> list[str]:
    found = re.findall(r"\\x(..)|\\u(....)|\\U(........)|\\(.)|(.)", text, re.DOTALL)
    codes = [(x or u or long, escaped, plain) for x, u, long, escaped, plain in found]
    return [chr(int(code, 16)) if code else _ESCAPES.get(esc, esc) if esc else plain for code, esc, plain in codes]


def _unescape(text: str) -> str:
    return "".join(_characters(text))


def _members(text: str) -> list[str]:
    """Return the characters of a class; a wide range is cut to its ends and some of its middle."""
    raw = re.findall(r"\\x..|\\u....|\\U........|\\.|.", text, re.DOTALL)
    found: list[str] = []
    while raw:
        low = _unescape(raw.pop(0))
        high = low
        if len(raw) > 1 and raw[0] == "-":
            raw.pop(0)
            high = _unescape(raw.pop(0))
        wide = range(ord(low), ord(high) + 1)
        found += map(chr, wide if len(wide) < 200 else [*wide[:40], *wide[:: len(wide) // 40], wide[-1]])
    return found
