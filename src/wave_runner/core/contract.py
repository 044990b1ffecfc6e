"""A step's typed contract: conditions on what goes in, a JSON Schema for what comes out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationError, ValidationErrorKind

from wave_runner.core import shape, signs
from wave_runner.core.canonical import MAX_DEPTH, JsonError, parse_json
from wave_runner.core.conditions import ConditionError, condition
from wave_runner.core.outcome import Breach
from wave_runner.core.text import sanitise, unstorable
from wave_runner.core.workflow import Step

_MASK = "the value"
_SHOWN = 80  # characters of an offending value that a message shows


class SchemaError(ValueError):
    """The bytes are no JSON Schema that we can check with. `at` is the way to what is wrong, as far as it is known."""

    def __init__(self, message: str, at: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.at = at


def check_input(step: Step, values: Mapping[str, Any]) -> Breach | None:
    """Return the breach of the first `require` that does not hold for the step's input."""
    for text in step.require:
        required = condition(text)
        try:
            holds = required.holds(values)
        except ConditionError as error:
            return Breach(rule=_undecided(required.names, values), message=f"require {error}")
        if not holds:
            return Breach(rule="require", message=f"require `{text}` does not hold: {required.describe(values)}")
    return None


class OutputContract:
    """A JSON Schema, compiled once. Raises SchemaError for bytes that are none; never fetches a reference.

    `fields` are the names that it declares for the output, `listed` the texts that it names word for word.
    """

    def __init__(self, schema: bytes) -> None:
        try:
            value = parse_json(schema)
            self._validator = jsonschema_rs.validator_for(value, mask=_MASK, offline=True)
        except ValidationError as error:
            raise SchemaError(_explain(error), error.instance_path) from error
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            raise SchemaError(str(error).partition("\n")[0]) from error
        self.fields = frozenset(shape.fields(value) or ())
        self.listed = shape.literals(value)

    def check(self, value: Any, *, retry: bool = True) -> Breach | None:
        """Return the breach of the first rule that the value breaks, with the path of the failing part.

        `retry` is what the breach shall say: True for a model, which may answer better next time.
        """
        if path := unstorable(value):
            message = f"{path} holds a NUL character or a lone surrogate, which no database text can hold"
            return Breach(rule="unstorable_text", message=message, retry=retry)
        if _deeper_than(MAX_DEPTH, value):
            # The validator overflows the C stack, and takes the process with it, on values of many thousand levels.
            message = f"$: the value is nested deeper than {MAX_DEPTH} levels"
            return Breach(rule="output_schema", message=message, retry=retry)
        error = next(self._validator.iter_errors(value), None)
        if error is None:
            return None
        return Breach(rule="output_schema", message=_explain(error), retry=retry)


def parse_answer(text: str) -> Any | Breach:
    """Return the one JSON document that a model's text is, or the breach. Nothing is guessed or cut out of the text."""
    # A NUL stays in, so that the reader refuses it as it refuses every control character that is not escaped.
    clean = "\0".join(sanitise(part)[0] for part in text.split("\0"))
    try:
        return parse_json(clean.encode())
    except JsonError as error:
        rule = _what_it_is(text) or error.rule
        return Breach(rule=rule, message=f"the answer {error}: {_short(text)}", retry=True)


def _what_it_is(text: str) -> str | None:
    """Return the guard that knows a text which is no JSON: a server's error, or words that say there is no answer."""
    if signs.provider_error(text):
        return "provider_error"
    return "refusal" if signs.refusal(text) else None


def _undecided(names: Iterable[str], values: Mapping[str, Any]) -> str:
    """Return the rule for a condition without an answer: a null input, or else a mistake in the condition."""
    return "null_input" if any(values.get(name, "") is None for name in names) else "condition_error"


def _deeper_than(levels: int, value: Any) -> bool:
    level = [value]
    for _ in range(levels):
        level = [member for item in level if isinstance(item, dict | list | tuple) for member in _members(item)]
        if not level:
            return False
    return True


def _members(item: Any) -> Iterable[Any]:
    return item.values() if isinstance(item, dict) else item


def _explain(error: ValidationError) -> str:
    error = _nearest_branch(error)
    path = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
    return f"{path}: {error.message} ({_short(error.instance)})"


def _nearest_branch(error: ValidationError) -> ValidationError:
    """Return, for a value that fits none of several schemas, what keeps it from the one it means.

    The one meant is where the tag (a `const` or `enum`) fits; else "not valid under any" is all there is to say.
    """
    match error.kind:
        case ValidationErrorKind.OneOfNotValid(context=branches) | ValidationErrorKind.AnyOf(context=branches):
            meant = [branch for branch in branches if branch and not any(_is_tag(inner, error) for inner in branch)]
            return _nearest_branch(meant[0][0]) if len(meant) == 1 else error
        case _:
            return error


def _is_tag(inner: ValidationError, outer: ValidationError) -> bool:
    is_literal = isinstance(inner.kind, ValidationErrorKind.Constant | ValidationErrorKind.Enum)
    return is_literal and len(inner.instance_path) > len(outer.instance_path)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… {len(text)} characters"
