"""Prompts: sandboxed Jinja2 in which an unresolved variable is a breach and never an empty place in the text."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from wave_runner.core.conditions import in_words
from wave_runner.core.guards import normalised
from wave_runner.core.outcome import Breach
from wave_runner.core.text import seen

_OTHER_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_BRACED = re.compile(r"\{[{%]?\s*([A-Za-z_]\w*)\s*[%}]?\}")


class PromptError(ValueError):
    """A prompt template cannot be used. `line` is the template's own, 1-based."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _NullError(TemplateError):
    """A variable that the template prints is null."""


@dataclass(frozen=True)
class Prompt:
    """A parsed template. `names` are the variables it uses, `braced` the `{name}` that its plain text holds.

    `own_words` is that plain text as the guards compare texts: what an answer must not give back.
    """

    names: frozenset[str]
    braced: frozenset[str]
    own_words: str
    template: Template


def render(content: bytes, variables: Mapping[str, Any]) -> str | Breach:
    """Return the prompt. Values come out as they are, whatever braces they hold; what is no text comes out as JSON."""
    prompt = read_prompt(content)
    if leftover := sorted(prompt.braced & variables.keys()):
        message = f"the prompt holds {{{leftover[0]}}} as plain text; Jinja2 writes it {{{{ {leftover[0]} }}}}"
        return Breach(rule="unresolved_placeholder", message=message)
    try:
        return prompt.template.render(dict(variables))
    except _NullError as error:
        nulls = ", ".join(sorted(name for name, value in variables.items() if value is None))
        return Breach(rule="null_variable", message=f"{error} (null here: {nulls or 'a part of a variable'})")
    except UndefinedError as error:
        given = ", ".join(sorted(variables)) or "none"
        return Breach(rule="unresolved_variable", message=f"the prompt: {error} (inputs: {given})")
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        return Breach(rule="prompt_error", message=f"the prompt cannot be filled: {type(error).__name__}: {error}")


@functools.lru_cache(maxsize=256)
def read_prompt(content: bytes) -> Prompt:
    """Parse a template, from memory after the first time. Raises PromptError with the template's line."""
    try:
        text = content.decode()
        tree = _ENVIRONMENT.parse(text)
        template = _ENVIRONMENT.from_string(text)
    except UnicodeDecodeError as error:
        raise PromptError("the prompt is not UTF-8", content[: error.start].count(b"\n") + 1) from error
    except TemplateSyntaxError as error:
        raise PromptError(f"this is no Jinja2: {error.message}", error.lineno) from error
    except RecursionError as error:
        raise PromptError("the prompt is nested too deep", 1) from error
    for node in tree.find_all(_OTHER_FILES):
        raise PromptError("a prompt is one file: it cannot include, import or extend another", node.lineno)
    # Whatever comes in between, the words on either side of it are no one text.
    own_words = normalised(" \0 ".join(data.data for data in tree.find_all(nodes.TemplateData)))
    return Prompt(frozenset(meta.find_undeclared_variables(tree)), frozenset(_braced(tree)), own_words, template)


def _braced(tree: nodes.Template) -> Iterator[str]:
    """Yield every `{name}` of the template's plain text, which Jinja2 would hand on as it stands."""
    for data in tree.find_all(nodes.TemplateData):
        yield from _BRACED.findall(data.data)


def _printed(value: Any) -> Any:
    """Decide how a value stands in the text: Python's `None`, `True` and quotes would mislead a model.

    A model is told what a person who looks at the value sees, and no more.
    """
    if value is None:
        raise _NullError("the prompt prints a value that is null; guard it with {% if … is not none %}")
    if isinstance(value, StrictUndefined):
        return value
    try:
        return seen(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    except TypeError as error:
        raise TemplateError(f"{in_words(value)} cannot be printed into a prompt") from error


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, which keeps a prompt from Python's insides, and no way to blow a text up by multiplying it."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "*" and isinstance(left, int | float) and isinstance(right, int | float):
            return left * right
        raise TemplateError(f"a prompt cannot compute {in_words(left)} {operator} {in_words(right)}")


_ENVIRONMENT = _Environment(undefined=StrictUndefined, autoescape=False, finalize=_printed)
