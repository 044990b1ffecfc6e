"""Conditions in CEL: `require`, `when` and `ensures`.

Plain CEL with one addition: `count(TABLE)` is how many rows of that table belong to the record. It is rewritten to a
look-up before compiling. `size` is rewritten too, to one of ours: that of the library counts the bytes of a text, and
CEL its characters.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from wave_runner.core.compiled_cel import cel
from wave_runner.core.nearest import did_you_mean

# The compiler overflows the C stack, and takes the process with it, on texts of many thousand brackets.
MAX_CHARACTERS = 1000

_LITERAL = re.compile(
    r"""[rR]\"[^"]*\"|[rR]'[^']*'|\"{3}.*?\"{3}|'{3}.*?'{3}|\"(?:\\.|[^"\\])*\"|'(?:\\.|[^'\\])*'""", re.DOTALL
)
_COUNT = re.compile(r"(?<![\w.])count\(\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)\s*\)")
_BOUND = re.compile(r"\.(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)\s*,")
_COUNTS = "counts"
_SIZE = re.compile(r"(?<!\w)size(?=\s*\()")
_OUR_SIZE = "_size"
_FUNCTIONS = (
    frozenset({"size", "contains", "startsWith", "endsWith", "matches"})
    | {"int", "uint", "double", "string", "bytes", "timestamp", "duration"}
    | {"getFullYear", "getMonth", "getDate", "getDayOfYear", "getDayOfMonth", "getDayOfWeek"}
    | {"getHours", "getMinutes", "getSeconds", "getMilliseconds"}
)


class ConditionError(ValueError):
    """A condition cannot be compiled, or could not be decided with the values at hand."""


class Condition:
    """One CEL condition, compiled once.

    `names` are the variables it reads, `tables` those it counts rows of.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CHARACTERS:
            raise ConditionError(f"a condition of {len(text)} characters is too long: at most {MAX_CHARACTERS}")
        self.text = text
        self.tables = frozenset(_COUNT.findall(without_literals(text)))
        try:
            self._program = cel.compile(_outside_literals(text, _rewrite))
        except ValueError as error:
            raise ConditionError(f"`{text}` is no CEL: {_first_line(error)}") from error
        self._measures = _OUR_SIZE in self._program.functions()
        self._refuse_unknown_functions()
        bound = _BOUND.findall(without_literals(text))
        self.names = frozenset(self._program.variables()) - {_COUNTS} - frozenset(bound)
        self.members = functools.cache(self._members)

    def holds(self, variables: Mapping[str, Any], counts: Mapping[str, int] | None = None) -> bool:
        """Return the condition's answer. A missing variable, or an answer that is no boolean, is a ConditionError."""
        if not (self.names <= variables.keys() and (not self.tables or self.tables <= (counts or {}).keys())):
            missing = (self.names - variables.keys()) | (self.tables - (counts or {}).keys())
            raise ConditionError(f"`{self.text}` reads {', '.join(sorted(missing))}, which is not there")
        try:
            # No more than it reads: each value is translated for it, whatever its size.
            read = {name: variables[name] for name in self.names}
            answer = self._program.execute(self._context({**read, _COUNTS: dict(counts)} if counts else read))
        except (ValueError, TypeError, KeyError, RuntimeError, OverflowError) as error:
            raise ConditionError(f"`{self.text}` cannot be decided: {self._why(error, variables)}") from error
        if not isinstance(answer, bool):
            raise ConditionError(f"`{self.text}` gives {answer!r:.60}; a condition gives true or false")
        return answer

    def _context(self, variables: dict[str, Any]) -> Any:
        if not self._measures:
            return variables
        context = cel.Context()
        context.add_function(_OUR_SIZE, len)
        context.update(variables)
        return context

    def _members(self, name: str) -> frozenset[str]:
        """Return the `x` of every `name.x` in the text."""
        pattern = rf"(?<![\w.]){re.escape(name)}\.([A-Za-z_]\w*)"
        return frozenset(re.findall(pattern, without_literals(self.text)))

    def _refuse_unknown_functions(self) -> None:
        """Find at compile time what CEL would only find when it evaluates. Operators have names such as `_+_`."""
        called = {name for name in self._program.functions() if name.isidentifier() and name[0] != "_"}
        for name in sorted(called - _FUNCTIONS):
            if name == "count":
                raise ConditionError(
                    f"`{self.text}`: count() takes the name of one table, as in count(job_skills) >= 1"
                )
            raise ConditionError(f"`{self.text}` calls {name}(), which is not there; {did_you_mean(name, _FUNCTIONS)}")

    def _why(self, error: Exception, variables: Mapping[str, Any]) -> str:
        if isinstance(error, KeyError):
            return f"there is no {error.args[0]!r}"
        # The library's own words blame a function that exists; ours name the values that it cannot take.
        return f"no function or operator in it takes these values ({self.describe(variables)})"

    def describe(self, variables: Mapping[str, Any]) -> str:
        """Return the values that the condition reads, in words short enough for a message."""
        return ", ".join(f"{name} is {in_words(variables[name])}" for name in sorted(self.names & variables.keys()))


@functools.lru_cache(maxsize=1024)
def condition(text: str) -> Condition:
    """Return the compiled condition, from memory after the first time."""
    return Condition(text)


def in_words(value: Any) -> str:
    """Return a value for a message: never more than a few words, whatever its size."""
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case str() if len(value) > 40:
            return f"a text of {len(value)} characters"
        case list() | tuple():
            return f"a list of {len(value)}"
        case Mapping():
            return f"an object of {len(value)} fields"
        case _:
            return f"{value!r:.60}"


def without_literals(text: str) -> str:
    """Return the text with its string literals emptied, for reading names off it."""
    return _LITERAL.sub("''", text)


def _rewrite(code: str) -> str:
    return _SIZE.sub(_OUR_SIZE, _COUNT.sub(rf'{_COUNTS}["\1"]', code))


def _outside_literals(text: str, change: Any) -> str:
    parts, end = [], 0
    for literal in _LITERAL.finditer(text):
        parts += [change(text[end : literal.start()]), literal.group()]
        end = literal.end()
    return "".join([*parts, change(text[end:])])


def _first_line(error: Exception) -> str:
    """Keep the sentence and drop the caret drawing, and the compiler's echo of the whole text before it."""
    line = str(error).partition("\n")[0]
    return re.sub(r"^Failed to parse expression .*?: ERROR: <input>:\d+:(\d+): ", r"at character \1: ", line)[:300]
